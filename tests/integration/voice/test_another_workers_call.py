"""Two workers are one bot to Discord: a call that is another worker's is neither fought for nor left."""

from __future__ import annotations

from tests.integration.voice.call import Call, a_call, playing
from tests.integration.voice.scene import SONG, Scene, until
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.ports.voice import PlayerStatus


async def succeeded(scene: Scene) -> Call:
    """A second worker, which has a gateway session of its own, plays where the guild is by now."""
    other = scene.guild.create_voice_channel("Other")
    await scene.alice.join(other)
    second = await a_call(scene)
    await second.player.join(ChannelId(other.id))
    await second.player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    return second


async def closed_and_succeeded(scene: Scene) -> tuple[Call, Call]:
    """What a worker does that finds its guild claimed, although it holds the shard as far as it knows."""
    first = await playing(scene)
    await first.player.close()
    second = await succeeded(scene)
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    return first, second


async def test_who_closes_its_player_leaves_the_call_to_its_successor(scene: Scene) -> None:
    first, second = await closed_and_succeeded(scene)
    assert first.status == PlayerStatus()
    assert first.bot.players.statuses() == {}
    sessions = {request.session_id for request in scene.discord.log.voice_state_requests[1:]}
    assert len(sessions) == 1, "the first asks for nothing after its joining"
    assert not second.status.kicked


async def test_negative_control_a_player_that_is_only_muted_takes_the_call_back_and_plays_nothing(
    scene: Scene,
) -> None:
    first = await playing(scene)
    first.player.mute()
    second = await succeeded(scene)
    await until(lambda: second.status.kicked, "the successor's being thrown out")
    assert first.status.muted


async def test_negative_control_who_tells_discord_that_it_leaves_throws_its_successor_out(scene: Scene) -> None:
    first, second = await closed_and_succeeded(scene)
    await first.bot.gateway.leave(first.guild_id)
    await until(lambda: second.status.kicked, "the successor's being thrown out")


async def test_whose_player_was_closed_may_have_the_guild_again(scene: Scene) -> None:
    first, second = await closed_and_succeeded(scene)
    await second.player.close()
    await scene.alice.join(scene.guild.voice_channel)
    first.fault()
    await first.bot.play(scene.guild)
    await first.music_again()
