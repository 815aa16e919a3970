"""The bot's part in end-to-end encryption, heard by members who decrypt with keys of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.discord import Member
from sandbox.discord.dave_call import DaveCall
from sandbox.melody import recognise
from tests.integration.voice.scene import SONG, Bot, Scene, until
from timmybot.adapters.discord_voice import dave
from timmybot.adapters.discord_voice.dave import EndToEnd, Way
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.watchdog import Step
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.ports.voice import VoiceError


def end_to_end(bot: Bot, scene: Scene) -> EndToEnd:
    player = bot.player(scene.guild)
    assert isinstance(player, VoicePlayer)
    connection = player.presence._call.connection
    assert connection is not None
    return connection._session.end_to_end


def the_call(scene: Scene) -> DaveCall:
    return scene.discord.voice.call(scene.guild.voice_channel)


async def playing(scene: Scene) -> Bot:
    bot = await scene.worker()
    await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=0.4)
    return bot


async def hears(member: Member, seconds: float = 0.4) -> None:
    member.ear.clear()
    await member.ear.wait_for_sound(10, seconds=seconds)


async def test_a_member_with_the_keys_hears_the_song_from_its_first_note(scene: Scene) -> None:
    bot = await playing(scene)
    await scene.alice.ear.wait_for_sound(seconds=3)
    heard = recognise(scene.alice.ear.heard, scene.melody)
    assert heard.matched_share > 0.9
    first_frames = [packet.opus for packet in scene.alice.ear.packets[:10]]
    assert first_frames == list(scene.source.frames[SONG.url][:10]), "nothing was lost while the keys were agreed on"
    assert (scene.alice.dave.refused_plain, scene.alice.dave.undecryptable) == (0, 0)
    assert scene.alice.dave.opened > 100
    assert end_to_end(bot, scene).way is Way.ENCRYPTED


async def test_without_the_keys_nothing_would_be_heard(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: the same bot, sending its frames as they are."""
    bot = await playing(scene)
    monkeypatch.setattr(EndToEnd, "way", Way.PLAIN)
    player = bot.player(scene.guild)
    assert isinstance(player, VoicePlayer)
    assert player.presence._call.connection is not None
    player.presence._call.connection._take_way()
    await until(lambda: scene.alice.dave.refused_plain > 20, "frames that alice does not take")


async def test_a_client_that_offers_no_encryption_is_turned_away_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dave, "VERSION", 0)
    bot = await scene.worker()
    with pytest.raises(VoiceError, match="end-to-end encryption"):
        await bot.player(scene.guild).join(ChannelId(scene.guild.voice_channel.id))
    assert len(scene.discord.log.voice_identifies) == 1


async def test_alone_it_sends_silence_and_whoever_comes_hears_the_song(scene: Scene) -> None:
    await scene.alice.leave()
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    await until(lambda: player.status().position_ms > 300, "the song going on")
    assert end_to_end(bot, scene).way is Way.SILENT
    session = scene.discord.voice.sessions[0]
    assert session.arrivals.packets > 10
    await scene.alice.join(scene.guild.voice_channel)
    await hears(scene.alice, 1.0)
    assert scene.alice.dave.refused_plain == 0
    assert scene.began_at_ms() > 200


async def test_members_come_and_go_and_the_music_goes_on(scene: Scene) -> None:
    bot = await playing(scene)
    bob = scene.guild.add_member("bob")
    await bob.join(scene.guild.voice_channel)
    await hears(bob)
    epoch = end_to_end(bot, scene).epoch
    await bob.leave()
    await until(lambda: end_to_end(bot, scene).epoch not in (None, epoch), "new keys")
    await hears(scene.alice)
    assert bob.ear.packets != []
    assert scene.alice.dave.refused_plain == 0
    assert scene.alice.dave.undecryptable < 25, "half a second over two changes of keys"


async def test_a_member_who_cannot_encrypt_brings_the_call_down_and_their_leaving_up(scene: Scene) -> None:
    bot = await playing(scene)
    scene.discord.voice.require_dave = False
    old = scene.guild.add_member("old", dave=False)
    await old.join(scene.guild.voice_channel)
    await until(lambda: end_to_end(bot, scene).way is Way.PLAIN, "the downgrade")
    await hears(old)
    await hears(scene.alice)
    await old.leave()
    await until(lambda: end_to_end(bot, scene).way is Way.ENCRYPTED, "the upgrade")
    await hears(scene.alice)


async def test_a_group_that_is_made_anew_is_joined_anew(scene: Scene) -> None:
    bot = await playing(scene)
    code = scene.alice.dave.privacy_code
    the_call(scene).recreate()
    await until(lambda: scene.alice.dave.privacy_code not in (None, code), "new keys")
    await hears(scene.alice)
    assert end_to_end(bot, scene).recoveries == 0


async def test_left_alone_it_starts_over_with_whoever_comes_back(scene: Scene) -> None:
    bot = await playing(scene)
    await scene.alice.leave()
    await until(lambda: end_to_end(bot, scene).way is Way.SILENT, "being alone")
    await scene.alice.join(scene.guild.voice_channel)
    await hears(scene.alice)


@pytest.mark.parametrize("spoilt", ["the bot's", "everybody's"])
async def test_a_commit_that_cannot_be_followed_is_said_so_and_the_bot_is_added_anew(scene: Scene, spoilt: str) -> None:
    bot = await playing(scene)
    bob = scene.guild.add_member("bob")
    the_call(scene).spoilt.add(scene.app.bot_user_id)
    if spoilt == "everybody's":
        the_call(scene).spoilt.add(scene.alice.user_id)
    await bob.join(scene.guild.voice_channel)
    await until(lambda: end_to_end(bot, scene).recoveries >= 1, "a recovery")
    await until(lambda: end_to_end(bot, scene).way is Way.ENCRYPTED, "keys")
    await hears(scene.alice)
    await hears(bob)


async def test_when_it_cannot_follow_time_and_again_frames_are_held_until_the_watchdog_connects_anew(
    scene: Scene,
) -> None:
    """Else they went out under keys that nobody has any more, and counted as sent."""
    scene.pace = 3.0
    bot = await playing(scene)
    ours = end_to_end(bot, scene)
    ours._in_a_row = dave._MOST_RECOVERIES
    await bob_joins(scene)
    await until(lambda: ours.way is Way.HELD, "frames being held")
    await until(lambda: bot.players.watchdog.steps == {Step.RECONNECTED: 1}, "the watchdog")
    await hears(scene.alice)


async def test_a_recovery_that_succeeds_counts_against_no_later_one(scene: Scene) -> None:
    bot = await playing(scene)
    ours = end_to_end(bot, scene)
    ours._in_a_row = dave._MOST_RECOVERIES - 1
    await bob_joins(scene)
    await until(lambda: ours.recoveries == 1 and ours.way is Way.ENCRYPTED, "keys")
    assert ours._in_a_row == 0


async def bob_joins(scene: Scene) -> None:
    """And the commit that adds him is one that the bot cannot follow."""
    the_call(scene).spoilt.add(scene.app.bot_user_id)
    await scene.guild.add_member("bob").join(scene.guild.voice_channel)


async def test_the_keys_outlive_a_resume(scene: Scene) -> None:
    bot = await playing(scene)
    epoch = end_to_end(bot, scene).epoch
    await scene.discord.voice.close_all(4015)
    await until(lambda: scene.discord.log.voice_identifies[-1].resumed, "a resume")
    await hears(scene.alice)
    assert end_to_end(bot, scene).recoveries == 0
    assert epoch is not None


async def test_a_stage_is_played_on_without_encryption(scene: Scene) -> None:
    stage = scene.guild.create_stage_channel("Stage")
    await scene.alice.join(stage)
    bot = await scene.worker()
    player = bot.player(scene.guild)
    await player.join(ChannelId(stage.id))
    await scene.guild.let_bot_speak()
    await player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    assert end_to_end(bot, scene).way is Way.PLAIN


async def test_keys_that_change_all_the_time_while_frames_are_encrypted_on_another_thread(scene: Scene) -> None:
    bot = await playing(scene)
    members = [scene.guild.add_member(f"member {number}") for number in range(6)]
    for member in members:
        await member.join(scene.guild.voice_channel)
    for member in members[:4]:
        await member.leave()
    await hears(scene.alice)
    await hears(members[-1])
    ready: Callable[[], bool] = lambda: end_to_end(bot, scene).way is Way.ENCRYPTED  # noqa: E731
    await until(ready, "keys")
    (counters,) = bot.players.counters().values()
    assert counters.refused <= 2
    assert scene.alice.dave.refused_plain == 0
