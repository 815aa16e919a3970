"""The voice server: handshake, encryption, what it notices, and how connections end and come back."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from sandbox.discord import AES_GCM, XCHACHA, Application, FakeDiscord, Guild, ManualClock, Member, Permission, measure
from sandbox.melody import compose, recognise
from sandbox.recording import Format, opus_packets, record
from tests.integration.sandbox_discord.small_bot import call, gateway, voice_gateway, voice_identification

SILENCE = b"\xf8\xff\xfe"
MODES = pytest.mark.parametrize("mode", [AES_GCM, XCHACHA])


@pytest.fixture(autouse=True)
def no_end_to_end_encryption(discord: FakeDiscord) -> None:
    """What travels below it is judged here, by a client that has none of its own."""
    discord.voice.require_dave = False


@pytest.fixture
async def alice(guild: Guild) -> Member:
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    return alice


@MODES
async def test_a_melody_sent_in_either_mode_is_heard_and_recognised(
    discord: FakeDiscord, app: Application, alice: Member, tmp_path: Path, mode: str
) -> None:
    melody, other = compose("a", voice=0, seconds=4), compose("b", voice=1, seconds=4)
    frames = list(opus_packets(record(melody, tmp_path, Format.OGG_OPUS)))
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, alice.guild, mode) as voice:
            for frame in frames:
                voice.send(frame)
                # The receiver has its turn: what a socket's buffer cannot hold is lost.
                await asyncio.sleep(0)
            await alice.ear.wait_for_sound(seconds=3.9)
    heard = recognise(alice.ear.heard, melody)
    assert heard.matched_share == 1.0
    assert heard.foreign_share == 0.0
    assert heard.start == pytest.approx(0.0, abs=0.1)
    assert recognise(alice.ear.heard, other).foreign_share == 1.0
    figures = measure(alice.ear.packets)
    assert (figures.packets, figures.lost, figures.duplicated) == (len(frames), 0, 0)
    arrivals = discord.voice.history[0].arrivals
    assert arrivals.packets == len(frames)
    assert arrivals.not_authentic == arrivals.nonce_reused == arrivals.sequence_jumps == 0


async def test_the_server_notices_what_a_careless_sender_does(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            voice.send(SILENCE, key=bytes(32))
            voice.send(SILENCE)
            voice.nonce -= 1
            voice.send(SILENCE)
            voice.sequence += 2
            voice.send(SILENCE)
            voice.timestamp += 960
            voice.send(SILENCE)
            voice.udp.sendto(b"no RTP")
            voice.send(b"\x00" * 40)
            await _packets(alice, 5)
    arrivals = discord.voice.history[0].arrivals
    assert arrivals.not_authentic == 1
    assert arrivals.nonce_reused == 1
    assert arrivals.sequence_jumps == 1
    assert arrivals.timestamp_jumps == 1
    assert discord.voice.strays == 1
    assert measure(alice.ear.packets).lost == 2


async def test_only_the_members_of_the_channel_hear_it(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member
) -> None:
    away = guild.add_member("bob")
    await away.join(guild.create_voice_channel("Other"))
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, XCHACHA) as voice:
            voice.send(SILENCE)
            await _packets(alice, 1)
    assert away.ear.packets == []


async def test_who_may_not_speak_is_not_heard(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    guild.voice_channel.bot_permissions &= ~Permission.SPEAK
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            voice.send(SILENCE)
            guild.voice_channel.bot_permissions |= Permission.SPEAK
            voice.send(SILENCE)
            await _packets(alice, 1)
    assert discord.voice.history[0].arrivals.packets in (1, 2)


async def test_who_is_muted_on_the_server_is_not_heard_until_unmuted(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            arrivals = discord.voice.sessions[0].arrivals
            await guild.mute_bot()
            assert (await bot.event("VOICE_STATE_UPDATE"))["mute"]
            voice.send(SILENCE)
            await voice.wire.send(3, {"t": 2, "seq_ack": 0})
            await voice.wire.opcode(6)  # what was sent before is taken by then
            assert arrivals.suppressed == 1
            await guild.unmute_bot()
            assert not (await bot.event("VOICE_STATE_UPDATE"))["mute"]
            voice.send(SILENCE)
            await _packets(alice, 1)
            assert (len(alice.ear.packets), arrivals.suppressed) == (1, 1)


async def test_a_mode_that_was_not_offered_is_closed(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    discord.voice.modes = [XCHACHA]
    async with gateway(discord) as bot:
        await bot.identify(app)
        state, server = await bot.join_voice(guild)
        async with voice_gateway(discord) as voice:
            await voice.send(0, voice_identification(state, server))
            assert (await voice.opcode(2))["d"]["modes"] == [XCHACHA]
            where = {"address": "127.0.0.1", "port": 1, "mode": AES_GCM}
            await voice.send(1, {"protocol": "udp", "data": where})
            assert await voice.closed() == 4016


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"token": "wrong"}, 4004), ({"session_id": "wrong"}, 4006), ({"server_id": "1"}, 4006), ({"user_id": "x"}, 4002)],
)
async def test_a_wrong_identify_is_closed_with_its_own_code(
    discord: FakeDiscord, app: Application, guild: Guild, changes: dict[str, str], code: int
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        state, server = await bot.join_voice(guild)
        async with voice_gateway(discord) as voice:
            await voice.send(0, voice_identification(state, server) | changes)
            assert await voice.closed() == code


async def test_a_resume_replays_what_was_missed(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            seen = max(message.get("seq", 0) for message in voice.wire.received)
            await discord.voice.close_all(4015)
            assert await voice.wire.closed() == 4015
            await alice.leave()
            grant = discord.voice.sessions[0].grant
            async with voice_gateway(discord) as again:
                resume = {"server_id": str(guild.id), "session_id": grant.session_id, "token": grant.token}
                await again.send(7, resume | {"seq_ack": seen})
                await again.opcode(9)
                assert (await again.opcode(13))["d"] == {"user_id": str(alice.user_id)}
                await alice.join(guild.voice_channel)
                await again.opcode(11)
                voice.send(SILENCE)
                await _packets(alice, 1)


async def test_a_session_that_ended_cannot_be_resumed_but_asked_for_again(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            grant = discord.voice.sessions[0].grant
            await discord.voice.close_all(4006)
            assert await voice.wire.closed() == 4006
        async with voice_gateway(discord) as again:
            resume = {"server_id": str(guild.id), "session_id": grant.session_id, "token": grant.token}
            await again.send(7, resume | {"seq_ack": 1})
            assert await again.closed() == 4006
        async with call(discord, bot, guild, AES_GCM):
            assert discord.voice.sessions[0].grant.token != grant.token


async def test_a_kick_closes_voice_with_4014(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            await guild.kick_bot_from_voice()
            assert await voice.wire.closed() == 4014


async def test_the_end_of_the_main_session_closes_voice_with_4014(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            await bot.ws.close(code=1000)
            assert await voice.wire.closed() == 4014


async def test_datagrams_from_elsewhere_are_dropped(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        async with call(discord, bot, guild, AES_GCM) as voice:
            session = discord.voice.sessions[0]
            here, session.address = session.address, ("127.0.0.1", 9)
            voice.send(SILENCE)
            voice.udp.sendto(struct.pack(">Q", 1))
            await bot.send(1, None)
            await bot.opcode(11)
            session.address = here
            voice.send(SILENCE)
            await _packets(alice, 1)
    assert discord.voice.history[0].arrivals.wrong_address == 1


async def test_who_sends_no_voice_heartbeat_is_closed(timeless: FakeDiscord, clock: ManualClock) -> None:
    async with voice_gateway(timeless) as silent, voice_gateway(timeless) as alive:
        interval = (await silent.opcode(8))["d"]["heartbeat_interval"] / 1000
        await alive.opcode(8)
        clock.advance(interval)
        await alive.send(3, {"t": 5, "seq_ack": -1})
        assert (await alive.opcode(6))["d"] == {"t": 5}
        clock.advance(interval * 0.6)
        assert await silent.closed() == 4009
        await alive.send(3, {"t": 6, "seq_ack": -1})
        await alive.opcode(6)


@pytest.mark.parametrize(
    ("opcode", "data", "code"),
    [(3, {"t": 1}, 4002), (3, 17, 4002), (1, {}, 4003), (5, {}, 4003), (99, {}, 4003), (0, None, 4002)],
)
async def test_nonsense_closes_the_voice_gateway(discord: FakeDiscord, opcode: int, data: object, code: int) -> None:
    async with voice_gateway(discord) as voice:
        await voice.send(opcode, data)
        assert await voice.closed() == code


async def _packets(member: Member, count: int) -> None:
    await member.ear.wait_for_packets(count)


async def test_a_bot_counts_as_connected_once_it_has_identified_and_not_when_it_is_seen_in_the_channel(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    second = discord.create_application("Second")
    guild.applications.append(second)
    async with gateway(discord) as bot, gateway(discord) as another:
        await bot.identify(app)
        async with call(discord, bot, guild) as voice:
            await another.identify(second)
            state, server = await another.join_voice(guild)
            await voice.wire.send(3, {"t": 2, "seq_ack": 0})
            await voice.wire.opcode(6)
            assert [message for message in voice.wire.received if message["op"] == 11] == []
            async with voice_gateway(discord, server["endpoint"]) as wire:
                await wire.send(0, voice_identification(state, server))
                assert (await wire.opcode(11))["d"] == {"user_ids": [str(app.bot_user_id)]}
                assert (await voice.wire.opcode(11))["d"] == {"user_ids": [str(second.bot_user_id)]}
            assert (await voice.wire.opcode(13))["d"] == {"user_id": str(second.bot_user_id)}
