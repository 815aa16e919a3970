"""What an administrator or an outage of Discord's changes while the bot plays, as the gateway's events tell of it."""

from __future__ import annotations

import pytest

from sandbox.discord.permissions import EVERYONE, INVITED, Permission
from tests.integration.voice.call import playing
from tests.integration.voice.scene import Bot, Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.voice_signalling import SignallingError

SILENT, MUTE_ROLE = EVERYONE & ~Permission.SPEAK, INVITED & ~Permission.SPEAK


async def test_the_right_that_everyone_loses_stays_with_the_bots_own_role(scene: Scene) -> None:
    call = await playing(scene)
    scene.guild.change_roles(everyone=SILENT)
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(seconds=1)
    assert (call.status.given_up, call.status.notices) == (False, ())


async def test_a_right_that_no_role_gives_any_more_is_named(scene: Scene) -> None:
    call = await playing(scene)
    call.fault()
    scene.guild.change_roles(everyone=SILENT, bot_role=MUTE_ROLE)
    await call.is_given_up("Give me the permission Speak")


async def test_an_exception_of_the_channel_that_takes_the_right_is_named(scene: Scene) -> None:
    call = await playing(scene)
    call.fault()
    scene.guild.permit(scene.guild.voice_channel, SILENT)
    await call.is_given_up("Give me the permission Speak")


async def test_timed_out_it_says_so_and_comes_back_when_that_is_over(scene: Scene) -> None:
    call = await playing(scene)
    call.fault()
    await scene.guild.time_bot_out(600)
    await call.is_given_up("A moderator has timed me out")
    assert call.has_taken((State.UP, Happening.MUZZLED))
    asked = len(scene.discord.log.voice_state_requests)
    where = GuildId(scene.guild.id), ChannelId(scene.guild.voice_channel.id)
    with pytest.raises(SignallingError, match="timed me out") as refused:
        await call.bot.gateway.join(*where)
    assert refused.value.lasting
    assert all(request.channel_id is None for request in scene.discord.log.voice_state_requests[asked:])
    await scene.guild.time_bot_out(0)
    await until(lambda: not is_known_timed_out(call.bot, scene), "the end of the timeout")
    await call.bot.gateway.join(*where)


async def test_an_outage_of_the_guild_costs_no_note_and_who_listens_is_known_again(scene: Scene) -> None:
    call = await playing(scene)
    player = call.player
    assert isinstance(player, VoicePlayer)
    scene.guild.go_away()
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(seconds=1)
    assert not call.status.kicked
    scene.guild.come_back()
    await scene.alice.leave()
    await until(lambda: player.presence.others() == 0, "being alone")
    assert call.status.notices == ()


async def test_removed_from_the_guild_it_stops(scene: Scene) -> None:
    call = await playing(scene)
    scene.guild.remove_bot()
    await until(lambda: call.status.kicked, "its stopping")
    with pytest.raises(SignallingError, match="not a member"):
        await call.bot.gateway.join(GuildId(scene.guild.id), ChannelId(scene.guild.voice_channel.id))


async def test_another_bot_in_the_channel_is_no_listener_after_a_new_session_either(scene: Scene) -> None:
    other = scene.discord.create_application("Other")
    scene.guild.applications.append(other)
    scene.discord.world.voice_states.place(scene.guild, other.bot_user_id, scene.guild.voice_channel)
    await scene.alice.leave()
    bot = await scene.worker()
    await until(lambda: others(bot, scene) is not None, "the guild's voice states")
    assert others(bot, scene) == 0


async def test_events_of_which_it_takes_no_notice_cost_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    await playing(scene)
    scene.guild.set_voice_status(scene.guild.voice_channel, "a song")
    scene.guild.set_voice_status(scene.guild.voice_channel, None)
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    assert "could not take in" not in caplog.text


def others(bot: Bot, scene: Scene) -> int | None:
    return bot.gateway.others_in(GuildId(scene.guild.id), ChannelId(scene.guild.voice_channel.id))


def is_known_timed_out(bot: Bot, scene: Scene) -> bool:
    return bool(bot.gateway._signalling._facts[GuildId(scene.guild.id)].timed_out_until)
