"""End-to-end encryption: who has which keys, every transition a call can make, and what is not heard."""

from __future__ import annotations

from pathlib import Path

import davey
import pytest

from sandbox.discord import AES_GCM, Application, Ear, FakeDiscord, Guild, ManualClock, Member, Packet
from sandbox.melody import Melody, compose, recognise
from sandbox.recording import Format, opus_packets, record
from tests.integration.sandbox_discord.small_bot import gateway, voice_gateway, voice_identification
from tests.integration.sandbox_discord.small_dave_bot import DaveBot, dave_bot

FRAME = b"\xfc" + bytes(range(1, 60))
"""Looks like a stereo frame of 20 ms; nobody needs to decode it."""


@pytest.fixture
async def alice(guild: Guild) -> Member:
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    return alice


@pytest.fixture
def melody() -> Melody:
    return compose("song", voice=0, seconds=2)


@pytest.fixture
def frames(melody: Melody, tmp_path: Path) -> list[bytes]:
    return list(opus_packets(record(melody, tmp_path, Format.OGG_OPUS)))


async def _hears(listener: Member, bot: DaveBot) -> None:
    listener.ear.clear()
    bot.send(FRAME)
    await listener.ear.wait_for_packets(1)
    assert listener.ear.packets[-1].opus == FRAME


async def _answered(bot: DaveBot) -> None:
    """All that the bot sent by websocket was taken."""
    await bot.call.wire.send(3, {"t": 2, "seq_ack": 0})
    await bot.until_opcode(6)


# -- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bot_commits", [True, False])
async def test_a_member_who_was_there_first_hears_the_song(
    discord: FakeDiscord, alice: Member, melody: Melody, frames: list[bytes], bot_commits: bool
) -> None:
    alice.dave.commits = not bot_commits
    async with dave_bot(discord, alice.guild.applications[0], alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        for frame in frames:
            bot.send(frame)
        await alice.ear.wait_for_packets(len(frames))
        assert bot.session
        assert bot.session.voice_privacy_code == alice.dave.privacy_code
    assert recognise(alice.ear.heard, melody).matched_share == 1.0
    assert discord.voice.history[0].arrivals.end_to_end == alice.dave.opened == len(frames)


async def test_without_the_key_the_song_is_not_heard_and_is_no_song(
    discord: FakeDiscord, app: Application, alice: Member, melody: Melody, frames: list[bytes]
) -> None:
    """The control: a listener who takes no part, and one who plays what the server relays as it is."""
    guild = alice.guild
    bob, stranger = guild.add_member("bob"), Ear()
    bob.dave.answers = False
    await bob.join(guild.voice_channel)
    async with dave_bot(discord, app, guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        for number, frame in enumerate(frames):
            stranger.receive(1, Packet(number * 0.02, 1, number, number * 960, bot.send(frame)))
        await alice.ear.wait_for_packets(len(frames))
    assert bob.ear.packets == []
    assert bob.dave.undecryptable == len(frames)
    assert recognise(alice.ear.heard, melody).matched_share == 1.0
    assert recognise(stranger.heard, melody).matched_share < 0.5


async def test_a_frame_that_is_not_encrypted_is_not_heard_in_a_call_that_is(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        bot.call.send(FRAME)
        bot.send(FRAME)
        await alice.ear.wait_for_packets(1)
    assert alice.dave.refused_plain == 1
    assert len(alice.ear.packets) == 1


async def test_who_left_has_no_key_to_what_follows(discord: FakeDiscord, app: Application, alice: Member) -> None:
    guild = alice.guild
    bob = guild.add_member("bob")
    await bob.join(guild.voice_channel)
    async with dave_bot(discord, app, guild) as bot:
        await bot.until_keyed_with(alice.user_id, bob.user_id)
        assert bot.session
        kept, before = bot.session.get_epoch_authenticator(), bot.session.epoch
        await bob.leave()
        await bot.until_keyed_with(alice.user_id)
        assert bot.session.epoch == (before or 0) + 1
        assert bot.session.get_epoch_authenticator() != kept
        await _hears(alice, bot)
    assert bob.ear.packets == []


# -- members come and go -------------------------------------------------------------------------------------------


async def test_alone_the_bot_is_not_ready_until_somebody_comes(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with dave_bot(discord, app, guild) as bot:
        assert (bot.version, bot.session is not None and bot.session.ready) == (1, False)
        alice = guild.add_member("alice")
        await alice.join(guild.voice_channel)
        await bot.until_keyed_with(alice.user_id)
        await _hears(alice, bot)


async def test_every_join_and_leave_renews_the_keys_and_the_music_goes_on(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    guild = alice.guild
    others = [guild.add_member(name) for name in ("bob", "carol", "dan")]
    async with dave_bot(discord, app, guild) as bot:
        for member in others:
            await member.join(guild.voice_channel)
        present = [alice, *others]
        await bot.until_keyed_with(*(member.user_id for member in present))
        for leaver in (others[0], alice):
            await leaver.leave()
            present.remove(leaver)
            await bot.until_keyed_with(*(member.user_id for member in present))
            for member in present:
                await _hears(member, bot)
        await alice.join(guild.voice_channel)
        await bot.until_keyed_with(*(member.user_id for member in [alice, *present]))
        await _hears(alice, bot)
        assert len({member.dave.privacy_code for member in [alice, *present]}) == 1


async def test_who_is_left_alone_starts_over(discord: FakeDiscord, app: Application, alice: Member) -> None:
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await alice.leave()
        assert (await bot.until_opcode(24))["d"]["epoch"] == 1
        at_once = await bot.until_opcode(21)
        assert at_once["d"] == {"protocol_version": 1, "transition_id": 0}
        assert bot.session
        assert not bot.session.ready
        await alice.join(alice.guild.voice_channel)
        await bot.until_keyed_with(alice.user_id)
        await _hears(alice, bot)


async def test_who_comes_and_goes_at_once_is_not_in_the_group(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    bob = alice.guild.add_member("bob")
    alice.dave.commits = False
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await bob.join(alice.guild.voice_channel)
        proposal = await bot.until_opcode(27)
        await bob.leave()
        await bot.until(lambda bot: bot.keyed_with == {alice.user_id} and bot.seen[-1] is not proposal)
        await _hears(alice, bot)


# -- versions ------------------------------------------------------------------------------------------------------


async def test_an_old_client_brings_the_call_down_and_its_leaving_up_again(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    guild = alice.guild
    old = guild.add_member("old", dave=False)
    async with dave_bot(discord, app, guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await bot.until_executed()
        await old.join(guild.voice_channel)
        bot.send(FRAME)
        prepare = await bot.until_opcode(21)
        assert prepare["d"]["protocol_version"] == 0
        await bot.until_executed()
        await _hears(old, bot)
        await _hears(alice, bot)
        assert discord.voice.sessions[0].arrivals.withheld == 1

        await old.leave()
        assert (await bot.until_opcode(24))["d"] | {"transition_id": 0} == {
            "protocol_version": 1,
            "epoch": 1,
            "transition_id": 0,
        }
        await bot.until_keyed_with(alice.user_id)
        await bot.until_executed()
        await _hears(alice, bot)
    assert [(t.version, t.late) for t in discord.log.dave_transitions if t.users != (alice.user_id,)][:3] == [
        (1, ()),
        (0, ()),
        (1, ()),
    ]


async def test_a_bot_that_joins_a_call_without_encryption_is_brought_up_later(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    guild = alice.guild
    old = guild.add_member("old", dave=False)
    await old.join(guild.voice_channel)
    async with dave_bot(discord, app, guild) as bot:
        assert bot.version == 0
        await _hears(old, bot)
        await old.leave()
        await bot.until_keyed_with(alice.user_id)
        await bot.until_executed()
        assert bot.version == 1
        await _hears(alice, bot)


async def test_a_bot_without_encryption_is_heard_where_it_is_let_in(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    discord.voice.require_dave = False
    async with dave_bot(discord, app, alice.guild, max_dave_version=0) as bot:
        await _hears(alice, bot)
        assert alice.dave.version == 0
    assert alice.dave.version in (0, 1)


@pytest.mark.parametrize("version", [0, 1])
async def test_a_stage_is_never_encrypted_and_takes_any_client(
    discord: FakeDiscord, app: Application, guild: Guild, version: int
) -> None:
    stage = guild.create_stage_channel("Stage")
    alice = guild.add_member("alice")
    await alice.join(stage)
    async with dave_bot(discord, app, guild, stage, version) as bot:
        await guild.let_bot_speak()
        assert bot.version == 0
        await _hears(alice, bot)


# -- starting over -------------------------------------------------------------------------------------------------


async def test_a_reset_gives_everybody_new_keys(discord: FakeDiscord, app: Application, alice: Member) -> None:
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        code = alice.dave.privacy_code
        discord.voice.call(alice.guild.voice_channel).recreate()
        await bot.until_opcode(24)
        await bot.until_keyed_with(alice.user_id)
        await _hears(alice, bot)
        assert alice.dave.privacy_code not in (None, code)


@pytest.mark.parametrize("spoilt", ["the bot's", "alice's"])
async def test_who_cannot_follow_a_commit_is_added_anew(
    discord: FakeDiscord, app: Application, alice: Member, spoilt: str
) -> None:
    guild = alice.guild
    bob, carol = guild.add_member("bob"), guild.add_member("carol")
    await bob.join(guild.voice_channel)
    bob.dave.commits = False
    async with dave_bot(discord, app, guild) as bot:
        bot.commits = alice.dave.commits = False
        bob.dave.commits = True
        await bot.until_keyed_with(alice.user_id, bob.user_id)
        call = discord.voice.call(guild.voice_channel)
        call.spoilt.add(app.bot_user_id if spoilt == "the bot's" else alice.user_id)
        await carol.join(guild.voice_channel)
        await carol.dave.wait_until(lambda dave: len(dave.keyed_with) == 3 and dave.epoch is not None)
        await bot.until_keyed_with(alice.user_id, bob.user_id, carol.user_id)
        everybody = {app.bot_user_id, alice.user_id, bob.user_id, carol.user_id}
        for member in (alice, bob, carol):
            mine = everybody - {member.user_id}
            await member.dave.wait_until(lambda dave, mine=mine: dave.keyed_with == mine)  # type: ignore[misc]
        await bot.until(lambda bot: bot.session is not None and bot.session.epoch == alice.dave.epoch)
        for member in (alice, bob, carol):
            await _hears(member, bot)
    assert alice.dave.recoveries == (spoilt == "alice's")


async def test_where_nobody_can_follow_the_group_is_made_anew(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    call = discord.voice.call(alice.guild.voice_channel)
    async with dave_bot(discord, app, alice.guild) as bot:
        call.spoilt.update({app.bot_user_id, alice.user_id})
        await bot.until_opcode(24)
        await bot.until_keyed_with(alice.user_id)
        await _hears(alice, bot)
    assert call.spoilt == set()


# -- order and patience --------------------------------------------------------------------------------------------


async def test_the_first_valid_commit_wins_and_the_others_are_dropped(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await _answered(bot)
    assert [(refusal.user_id, refusal.why) for refusal in discord.log.dave_refusals] == [
        (app.bot_user_id, "a commit for epoch 0 in epoch 1")
    ]


async def test_a_transition_waits_for_the_slow_but_not_for_ever(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app, shard=3, of=16)
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    async with dave_bot(timeless, app, guild) as bot:
        bot.answers_transitions = False
        await bot.until_keyed_with(alice.user_id)
        await _answered(bot)
        assert timeless.log.dave_transitions == []
        clock.advance(2.0)
        await bot.until_executed()
    assert [transition.late for transition in timeless.log.dave_transitions][:1] == [(app.bot_user_id,)]


async def test_a_transition_that_was_overtaken_is_never_executed(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app, shard=3, of=16)
    alice, old = guild.add_member("alice"), guild.add_member("old", dave=False)
    await alice.join(guild.voice_channel)
    async with dave_bot(timeless, app, guild) as bot:
        bot.answers_transitions = False
        await bot.until_keyed_with(alice.user_id)
        bot.answers_transitions = True
        await old.join(guild.voice_channel)
        await bot.until_executed()
        clock.advance(2.0)
        await _answered(bot)
        assert bot.version == alice.dave.version == 0
    assert [transition.version for transition in timeless.log.dave_transitions][:1] == [0]


async def test_a_resume_brings_the_binary_messages_that_were_missed(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    guild = alice.guild
    bob = guild.add_member("bob")
    async with dave_bot(discord, app, guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await bot.until_executed()
        await discord.voice.close_all(4015)
        assert await bot.call.wire.closed() == 4015
        await bob.join(guild.voice_channel)
        grant = discord.voice.sessions[0].grant
        async with voice_gateway(discord) as again:
            seen = max(message.get("seq", 0) for message in bot.seen)
            resume = {"server_id": str(guild.id), "session_id": grant.session_id, "token": grant.token}
            await again.send(7, resume | {"seq_ack": seen})
            bot.call.wire = again
            await bot.until_keyed_with(alice.user_id, bob.user_id)
            await _hears(bob, bot)


# -- refusals ------------------------------------------------------------------------------------------------------


async def test_without_end_to_end_encryption_a_voice_channel_can_be_closed(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        state, server = await bot.join_voice(guild)
        async with voice_gateway(discord) as voice:
            await voice.send(0, voice_identification(state, server))
            assert await voice.closed() == 4017
        async with voice_gateway(discord) as voice:
            await voice.send(0, voice_identification(state, server, max_dave_version=1))
            assert (await voice.opcode(2))["d"]["modes"][0] == AES_GCM


@pytest.mark.parametrize("user", ["another", "its own, but forged", "its own, but cut off", "none"])
async def test_a_key_package_that_is_not_the_clients_own_closes_the_connection(
    discord: FakeDiscord, app: Application, guild: Guild, user: str
) -> None:
    name = 4711 if user == "another" else app.bot_user_id
    package = davey.DaveSession(1, name, guild.voice_channel.id).get_serialized_key_package()
    damaged = {"its own, but forged": package[:-1] + bytes([package[-1] ^ 1]), "its own, but cut off": package[:40]}
    async with dave_bot(discord, app, guild) as bot:
        await bot.send_binary(26, b"" if user == "none" else damaged.get(user, package))
        assert await bot.call.wire.closed() == 4002


async def test_commits_that_make_no_sense_are_dropped_and_change_nothing(
    discord: FakeDiscord, app: Application, alice: Member
) -> None:
    async with dave_bot(discord, app, alice.guild) as bot:
        await bot.until_keyed_with(alice.user_id)
        await bot.until_executed()
        before = len(discord.log.dave_refusals)
        for nonsense in (b"", b"\x00\x01\x00\x01", bytes(200), b"\xff" * 50):
            await bot.send_binary(28, nonsense)
        await _answered(bot)
        assert len(discord.log.dave_refusals) == before + 4
        await _hears(alice, bot)
