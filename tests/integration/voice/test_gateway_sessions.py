"""Gateway sessions: kept up, resumed, handed to a successor, refused with a sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.discord.permissions import Permission
from tests.integration.voice.call import MUSIC_AGAIN_SECONDS, playing
from tests.integration.voice.scene import SHARD, SHARDS, SONG, Bot, Scene, until
from timmybot.adapters.discord_gateway.identify_gate import STARTS_LEFT_ALONE
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.domain.ids import ChannelId, GuildId, PlayId, ShardId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.shard_sessions import GatewayRefused
from timmybot.ports.voice_signalling import SignallingError


async def test_opening_a_shard_identifies_once_and_within_the_budget(scene: Scene) -> None:
    bot = await scene.worker()
    await bot.gateway.open(SHARD, None)
    assert [identify.shard for identify in scene.discord.log.identifies] == [(3, 16)]
    assert bot.budget.reserved == [SHARD]
    assert bot.gateway.is_open(SHARD)


async def test_a_wrong_token_is_refused_with_what_to_do(scene: Scene) -> None:
    bot = scene.bot(token="wrong")
    with pytest.raises(GatewayRefused, match="developer portal"):
        await bot.gateway.open(SHARD, None)
    assert not bot.gateway.is_open(SHARD)


@pytest.mark.parametrize("code", [4000, 4008, 1011])
async def test_a_connection_that_is_cut_resumes_and_voice_plays_on(scene: Scene, code: int) -> None:
    bot = await scene.worker()
    await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound()
    await scene.discord.gateway.close_all(code)
    await until(lambda: len(scene.discord.log.resumes) == 1, "a resume")
    await scene.alice.ear.wait_for_sound(seconds=1)
    assert len(scene.discord.log.identifies) == 1
    assert len(scene.discord.log.voice_identifies) == 1


async def test_being_asked_to_reconnect_resumes(scene: Scene) -> None:
    await scene.worker()
    await scene.discord.gateway.ask_all_to_reconnect()
    await until(lambda: len(scene.discord.log.resumes) == 1, "a resume")
    assert len(scene.discord.log.identifies) == 1


async def test_a_session_that_is_lost_is_identified_anew_and_the_bot_rejoins(scene: Scene) -> None:
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=1)
    await scene.discord.gateway.invalidate_all()
    await until(lambda: len(scene.discord.log.identifies) == 2, "a second identify")
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(15, seconds=1.5)
    assert not player.status().kicked
    assert scene.began_at_ms() > 700


async def test_a_successor_resumes_the_session_and_takes_the_call_over(scene: Scene) -> None:
    predecessor = await scene.worker()
    player = await predecessor.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=1)
    position_ms = player.status().position_ms
    await predecessor.players.close()
    session = await predecessor.gateway.close(SHARD)
    assert session is not None
    assert session.session_id not in repr(session)
    assert scene.discord.log.gateway_closes[-1].code == 4000

    successor = scene.bot()
    await successor.gateway.open(SHARD, session)
    assert len(scene.discord.log.identifies) == 1
    scene.alice.ear.clear()
    await successor.play(scene.guild, position_ms=position_ms)
    await scene.alice.ear.wait_for_sound(seconds=1.5)
    assert scene.began_at_ms() == pytest.approx(position_ms, abs=600)


async def frozen(scene: Scene) -> tuple[Bot, float]:
    """A worker that played and fell silent from one moment to the next, of which Discord has not noticed anything yet:
    the bot is shown in the channel, and the connection to its voice server lingers. And when it fell silent."""
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound()
    bot.clock.stand_still()
    player.mute()
    return bot, asyncio.get_running_loop().time()


@pytest.mark.parametrize("resuming", [False, True])
async def test_after_a_restart_the_bot_is_heard_although_it_is_seen_in_the_channel_already(
    scene: Scene, *, resuming: bool
) -> None:
    """discord.py #2284: after a restart the bot is silent, because it is seen in the channel already."""
    predecessor, silent_since = await frozen(scene)
    session = await predecessor.gateway.close(SHARD) if resuming else None
    assert scene.guild.bot_voice_state

    successor = scene.bot()
    await successor.gateway.open(SHARD, session)
    scene.alice.ear.clear()
    await successor.play(scene.guild)
    sound = await scene.alice.ear.wait_for_sound(MUSIC_AGAIN_SECONDS, seconds=1)
    assert sound[0].time - silent_since <= MUSIC_AGAIN_SECONDS
    assert scene.began_at_ms() < 500, "it is the successor who is heard"


async def test_negative_control_who_only_asks_for_the_channel_it_is_seen_in_is_given_no_voice_server(
    scene: Scene,
) -> None:
    """Why the bot leaves before it joins."""
    predecessor, _ = await frozen(scene)
    session = await predecessor.gateway.close(SHARD)
    assert session is not None
    successor = scene.bot()
    await successor.gateway.open(SHARD, session)
    grants = len(scene.discord.voice.history)

    refused = scene.discord.world.voice_states.bot_asks(
        scene.app, session.session_id, scene.guild, scene.guild.voice_channel, self_mute=False, self_deaf=True
    )
    assert (refused, len(scene.discord.voice.history)) == (None, grants)
    await successor.play(scene.guild)
    assert len(scene.discord.voice.history) == grants + 1


async def test_a_session_that_cannot_be_resumed_any_more_is_identified_instead(scene: Scene) -> None:
    bot = scene.bot()
    stale = GatewaySession("gone", scene.discord.gateway.url, 7)
    await bot.gateway.open(SHARD, stale)
    assert len(scene.discord.log.identifies) == 1
    session = bot.gateway.session(SHARD)
    assert session is not None
    assert session.session_id != "gone"


async def test_a_resume_url_that_is_not_discords_never_gets_the_token(scene: Scene) -> None:
    predecessor = await scene.worker()
    session = await predecessor.gateway.close(SHARD)
    assert session is not None
    bot = scene.bot()
    await bot.gateway.open(SHARD, GatewaySession(session.session_id, "wss://gateway.invalid", session.sequence))
    assert len(scene.discord.log.resumes) == 1


async def test_a_missing_permission_is_named(scene: Scene) -> None:
    quiet = scene.guild.create_voice_channel("Quiet", bot_permissions=Permission.VIEW_CHANNEL | Permission.CONNECT)
    bot = await scene.worker()
    with pytest.raises(SignallingError, match="Speak"):
        await bot.gateway.join(GuildId(scene.guild.id), ChannelId(quiet.id))


async def test_a_full_channel_is_said_to_be_full(scene: Scene) -> None:
    small = scene.guild.create_voice_channel("Small", user_limit=1)
    await scene.alice.join(small)
    bot = await scene.worker()
    with pytest.raises(SignallingError, match="full"):
        await bot.gateway.join(GuildId(scene.guild.id), ChannelId(small.id))


async def test_a_guild_that_the_bot_is_not_in_is_said_so(scene: Scene) -> None:
    bot = await scene.worker()
    elsewhere = GuildId(scene.guild.id + (16 << 22))
    with pytest.raises(SignallingError, match="not a member"):
        await bot.gateway.join(elsewhere, ChannelId(1))


async def test_leaving_and_joining_again_works(scene: Scene) -> None:
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound()
    await player.leave()
    await until(lambda: scene.guild.bot_voice_state is None, "the bot's leaving")
    assert bot.players.statuses() == {}
    scene.alice.ear.clear()
    await bot.play(scene.guild)
    await player.play(PlayId("again"), SONG, position_ms=0, paused=False)
    await scene.alice.ear.wait_for_sound(seconds=1)


async def test_no_secret_is_ever_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    bot = await scene.worker()
    await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound()
    grant = scene.discord.voice.sessions[0]
    session = bot.gateway.session(SHARD)
    assert session is not None
    secrets = [
        scene.app.bot_token.split(".")[0],
        session.session_id,
        grant.grant.token,
        str(list(grant.secret_key[:4]))[1:-1],
    ]
    await bot.close()
    assert [secret for secret in secrets if secret in caplog.text] == []


async def test_interactions_are_handed_over_and_one_that_fails_costs_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []

    async def on_interaction(interaction: Mapping[str, Any]) -> None:
        heard.append(interaction["id"])
        if len(heard) == 1:
            raise RuntimeError("a command that went wrong")

    bot = scene.bot(on_interaction=on_interaction)
    await bot.gateway.open(SHARD, None)
    for number in ("1", "2"):
        payload = {"id": number, "guild_id": str(scene.guild.id)}
        scene.discord.world.publish(scene.guild, "INTERACTION_CREATE", payload, scene.app)
    await until(lambda: heard == ["1", "2"], "both interactions")
    await until(lambda: "could not be handled" in caplog.text, "a word in the log")
    assert bot.gateway.is_open(SHARD)
    scene.discord.world.look.faults.clear()  # These are no interactions: only their ids count here.


async def test_opening_a_shard_twice_at_once_identifies_once_and_both_wait(scene: Scene) -> None:
    bot = scene.bot()
    await asyncio.gather(bot.gateway.open(SHARD, None), bot.gateway.open(SHARD, None))
    assert bot.gateway.session(SHARD) is not None
    assert len(scene.discord.log.identifies) == 1


async def test_a_worker_without_the_right_to_its_shard_neither_reconnects_nor_joins_until_it_has_it(
    scene: Scene,
) -> None:
    bot = await scene.worker()
    scene.lost_leases.add(SHARD)
    with pytest.raises(SignallingError, match="not connected"):
        await bot.gateway.join(GuildId(scene.guild.id), ChannelId(scene.guild.voice_channel.id))
    await scene.discord.gateway.close_all(4000)
    await until(lambda: len(scene.discord.log.gateway_closes) == 1, "the cut")
    with pytest.raises(AssertionError, match="in vain"):
        await until(lambda: bool(scene.discord.log.resumes), "a resume", patience_seconds=1.0)
    scene.lost_leases.clear()
    await until(lambda: bool(scene.discord.log.resumes), "a resume")


async def test_a_day_whose_session_starts_are_nearly_spent_is_not_spent_to_the_end(scene: Scene) -> None:
    budget = scene.discord.gateway.budget(scene.app)
    budget.describe()  # the day begins
    budget.used = budget.total - STARTS_LEFT_ALONE
    bot = scene.bot()
    with pytest.raises(GatewayRefused, match=r"10 more sessions today.*24\.0 hours"):
        await bot.gateway.open(SHARD, None)
    assert scene.discord.log.identifies == []
    opened = scene.discord.log.gateway_closes[:]
    with pytest.raises(GatewayRefused, match="10 more sessions today"):
        await bot.gateway.open(SHARD, None)
    assert scene.discord.log.gateway_closes == opened, "it is not even connected again"
    budget.used -= 1
    await scene.bot().gateway.open(SHARD, None)
    assert len(scene.discord.log.identifies) == 1


def asked_for_the_gateway(scene: Scene) -> list[int]:
    """What Discord answered to each ``GET /gateway/bot``."""
    return [call.status for call in scene.discord.log.rest_calls if call.path == "/gateway/bot"]


async def test_sixteen_shards_are_ready_soon_after_a_cold_start(scene: Scene) -> None:
    """Discord answers ``GET /gateway/bot`` twice in 5 s: one request serves them all."""
    scene.discord.gateway.budget(scene.app).max_concurrency = SHARDS
    scene.asks_for_url = True
    bot = scene.bot()
    begun_at = time.monotonic()
    await asyncio.gather(*(bot.gateway.open(ShardId(shard), None) for shard in range(SHARDS)))
    assert time.monotonic() - begun_at < 6.0
    assert len(scene.discord.log.identifies) == SHARDS
    assert asked_for_the_gateway(scene) == [200]


async def test_negative_control_each_shard_asking_for_itself_would_be_refused(scene: Scene) -> None:
    bot = scene.bot()
    answers = await asyncio.gather(*(bot.rest._ask_gateway_bot() for _ in range(4)), return_exceptions=True)
    assert len(answers) == 4
    assert 429 in asked_for_the_gateway(scene)


async def resumed(scene: Scene) -> Bot:
    """A worker that has resumed a predecessor's session, and so was told nothing of its guilds."""
    predecessor = await scene.worker()
    session = await predecessor.gateway.close(SHARD)
    bot = scene.bot()
    await bot.gateway.open(SHARD, session)
    assert len(scene.discord.log.resumes) == 1
    return bot


async def test_after_a_resume_a_missing_permission_is_looked_up_and_named(scene: Scene) -> None:
    bot = await resumed(scene)
    quiet = scene.guild.create_voice_channel("Quiet", bot_permissions=Permission.VIEW_CHANNEL | Permission.CONNECT)
    with pytest.raises(SignallingError, match="Speak") as refused:
        await bot.gateway.join(GuildId(scene.guild.id), ChannelId(quiet.id))
    assert refused.value.lasting
    assert scene.discord.log.voice_state_requests == []


async def test_after_a_resume_the_bot_plays_and_knows_who_listens(scene: Scene) -> None:
    bot = await resumed(scene)
    player = await bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    assert isinstance(player, VoicePlayer)
    assert player.presence.others() == 1
    await scene.alice.leave()
    await until(lambda: player.presence.others() == 0, "being alone")
    await until(lambda: player.status().alone_seconds > 0, "its being counted")


async def test_who_listens_is_told_by_the_guilds_voice_states(scene: Scene) -> None:
    bot = await scene.worker()
    player = await bot.play(scene.guild)
    assert isinstance(player, VoicePlayer)
    assert player.presence.others() == 1
    other = scene.guild.create_voice_channel("Other")
    await scene.alice.join(other)
    await until(lambda: player.presence.others() == 0, "being alone")


async def test_a_kick_that_the_gateway_tells_late_is_not_undone(scene: Scene) -> None:
    call = await playing(scene)
    scene.discord.gateway.hold_up()
    await scene.guild.kick_bot_from_voice()
    await call.steps((State.LISTENING, Happening.NOTHING_SAID))
    scene.discord.gateway.hold_up(held=False)
    await until(lambda: call.status.kicked, "the kick")
    assert scene.guild.bot_voice_state is None
    assert [request for request in scene.discord.log.voice_state_requests if request.channel_id is not None][1:] == []
