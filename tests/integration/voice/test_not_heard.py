"""What a moderator can do to the bot so that it plays to nobody: it is told, and heard again as soon as it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.discord.permissions import EVERYONE, Permission
from tests.integration.voice.call import Call, playing
from tests.integration.voice.scene import Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.domain.ids import GuildId
from timmybot.ports.voice_signalling import MayNotSpeak, Muted


def dropped(scene: Scene) -> int:
    """Frames that Discord took from the bot and gave to nobody."""
    return sum(session.arrivals.suppressed for session in scene.discord.voice.history)


async def moved_where_it_may_not_speak(call: Call) -> None:
    scene = call.scene
    other = scene.guild.create_voice_channel("Other", bot_permissions=EVERYONE & ~Permission.SPEAK)
    await scene.alice.join(other)
    call.fault()
    await scene.guild.move_bot(other)


async def test_moved_where_it_may_not_speak_it_leaves_and_says_why(scene: Scene) -> None:
    call = await playing(scene)
    await moved_where_it_may_not_speak(call)
    await call.is_given_up("Give me the permission Speak")
    assert call.has_taken((State.UP, Happening.MUZZLED))
    assert call.status.lasting, "the queue is kept, and joining again is no use before somebody changes something"
    await until(lambda: scene.guild.bot_voice_state is None, "its leaving")


async def test_negative_control_without_a_look_at_its_rights_it_plays_there_to_nobody(scene: Scene) -> None:
    call = await playing(scene)
    call.bot.gateway._signalling._rights_lost = _not_looked_at  # type: ignore[method-assign]
    await moved_where_it_may_not_speak(call)
    await until(lambda: dropped(scene) > 25, "its playing to nobody")
    assert (call.status.given_up, call.status.notices) == (False, ())


async def test_muted_by_a_moderator_it_says_so_plays_on_and_is_heard_once_it_is_unmuted(scene: Scene) -> None:
    call = await playing(scene)
    call.fault()
    await scene.guild.mute_bot()
    status = await call.is_told(lambda status: bool(status.notices), "its saying so")
    assert "take the server mute off me" in status.notices[0]
    position_ms = call.status.position_ms
    await until(lambda: dropped(scene) > 0 and call.status.position_ms > position_ms + 300, "its playing on")
    scene.alice.ear.clear()

    call.fault()
    await scene.guild.unmute_bot()
    await call.music_again()
    assert call.status.notices == status.notices, "nothing else is told"
    assert len(scene.discord.log.voice_identifies) == 1


async def test_who_comes_in_muted_says_so(scene: Scene) -> None:
    call = await playing(scene)
    await scene.guild.mute_bot()
    await until(lambda: bool(call.status.notices), "its saying so")
    await call.player.leave()
    await until(lambda: scene.guild.bot_voice_state is None, "its leaving")
    await call.bot.play(scene.guild)
    await until(lambda: bool(call.status.notices), "its saying so again")


async def test_negative_control_a_mute_that_nobody_reads_is_silence_without_a_word(scene: Scene) -> None:
    call = await playing(scene)
    call.bot.gateway._signalling._mutes.hear = _unread  # type: ignore[method-assign]
    await scene.guild.mute_bot()
    await until(lambda: dropped(scene) > 25, "its playing to nobody")
    assert call.status.notices == ()


def _not_looked_at(guild_id: GuildId) -> MayNotSpeak | None:
    return None


def _unread(guild_id: GuildId, state: Mapping[str, Any]) -> Muted | None:
    return None
