"""On a stage: in the audience at first, heard as soon as it may be, and the channel knows what it takes."""

from __future__ import annotations

import pytest

from sandbox.discord import Guild
from sandbox.discord.permissions import EVERYONE, Permission
from sandbox.discord.world import Channel
from tests.integration.voice.scene import SONG, Bot, Scene, until
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.ports.voice import Player

MODERATOR = EVERYONE | Permission.MUTE_MEMBERS
AUDIENCE = EVERYONE & ~Permission.REQUEST_TO_SPEAK & ~Permission.SPEAK
"""Speak is a permission of voice channels, and says nothing on a stage."""


async def play_on(scene: Scene, stage: Channel) -> tuple[Bot, Player]:
    await scene.alice.join(stage)
    bot = await scene.worker()
    player = bot.player(scene.guild)
    await player.join(ChannelId(stage.id))
    await player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    return bot, player


def is_suppressed(guild: Guild) -> bool:
    assert guild.bot_voice_state
    return guild.bot_voice_state.suppress


async def test_who_may_moderate_the_stage_lets_itself_speak(scene: Scene) -> None:
    _, player = await play_on(scene, scene.guild.create_stage_channel("Stage", bot_permissions=MODERATOR))
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    assert player.status().notices == ()


async def test_who_may_ask_asks_and_the_channel_hears_that_somebody_has_to_let_it(scene: Scene) -> None:
    _, player = await play_on(scene, scene.guild.create_stage_channel("Stage"))
    await until(lambda: bool(player.status().notices), "its saying so")
    assert "have asked to speak" in player.status().notices[0]
    assert scene.guild.bot_voice_state
    assert scene.guild.bot_voice_state.requested_at
    await until(lambda: player.status().position_ms > 500, "the song going on")
    assert not [window for window in scene.alice.ear.heard if not window.is_silent], "the audience is not heard"
    await scene.guild.let_bot_speak()
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    assert len(player.status().notices) == 1


async def test_who_may_not_even_ask_says_what_to_change(scene: Scene) -> None:
    _, player = await play_on(scene, scene.guild.create_stage_channel("Stage", bot_permissions=AUDIENCE))
    await until(lambda: bool(player.status().notices), "its saying so")
    assert "Mute Members" in player.status().notices[0]
    assert is_suppressed(scene.guild)


async def test_taken_off_the_stage_it_says_so_and_does_not_climb_back(scene: Scene) -> None:
    _, player = await play_on(scene, scene.guild.create_stage_channel("Stage", bot_permissions=MODERATOR))
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    await scene.guild.put_bot_into_audience()
    await until(lambda: bool(player.status().notices), "its saying so")
    assert "taken off the stage" in player.status().notices[0]
    assert is_suppressed(scene.guild)


@pytest.mark.parametrize("is_afk", [True, False], ids=["the AFK channel", "one without the permission to speak"])
async def test_suppressed_where_no_stage_is_it_asks_for_nothing_that_only_stages_have(
    scene: Scene, *, is_afk: bool
) -> None:
    rights = MODERATOR if is_afk else MODERATOR & ~Permission.SPEAK
    quiet = scene.guild.create_voice_channel("Quiet", bot_permissions=rights)
    if is_afk:
        scene.guild.make_afk_channel(quiet)
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=0.3)
    await scene.guild.move_bot(quiet)
    assert is_suppressed(scene.guild)
    await until(lambda: player.status().given_up, "its giving up")
    assert ("AFK channel" if is_afk else "Speak") in (player.status().trouble or "")
    assert "PATCH" not in [call.method for call in scene.discord.log.rest_calls]


async def test_moved_to_a_stage_it_does_what_it_can_there_too(scene: Scene) -> None:
    stage = scene.guild.create_stage_channel("Stage", bot_permissions=MODERATOR)
    bot = await scene.worker()
    await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=0.3)
    await scene.alice.join(stage)
    await scene.guild.move_bot(stage)
    await until(lambda: not is_suppressed(scene.guild), "its letting itself speak")
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(seconds=0.3)
