"""Lives of a call: how each of its states comes about, and the failures that other clients had, each by its thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
from websockets.asyncio.server import ServerConnection

from sandbox.discord import payloads
from sandbox.discord.permissions import EVERYONE, Permission
from tests.integration.voice.call import MUSIC_AGAIN_SECONDS, Call, History, Run, Step, a_call, playing
from tests.integration.voice.happenings import DAVE_REQUIRED, NORMAL
from tests.integration.voice.holding import CUT, HUNG_UP, VOID, hanging_up, held_in, let_go
from tests.integration.voice.mute import keys_never_come
from tests.integration.voice.raw_server import RawVoice, raw_voice
from tests.integration.voice.scene import SHARD, Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.patience import PURSUE_SECONDS, TELL_SECONDS
from timmybot.domain.ids import ChannelId
from timmybot.ports.voice import VoiceError

HISTORIES: Final[list[History]] = []

JOINED: Final[tuple[Step, ...]] = (
    (State.OUT, Happening.ASKED),
    (State.JOINING, Happening.ARRANGED),
    (State.CONNECTING, Happening.CONNECTED),
)
REJOINED: Final[tuple[Step, ...]] = ((State.REJOINING, Happening.ARRANGED), (State.CONNECTING, Happening.CONNECTED))


def goes_through(*steps: Step) -> Callable[[Run], Run]:
    """Add a history that goes through these steps, in this order, with others between them perhaps."""

    def add(run: Run) -> Run:
        HISTORIES.append(History(run.__name__, steps, run))
        return run

    return add


# -- coming and going --------------------------------------------------------------------------------------------------


@goes_through(*JOINED, (State.UP, Happening.LEFT), (State.OUT, Happening.LEFT))
async def joins_and_leaves(scene: Scene) -> Call:
    call = await playing(scene)
    await call.player.leave()
    await until(lambda: scene.guild.bot_voice_state is None, "its leaving")
    await call.player.leave()
    return call


@goes_through((State.JOINING, Happening.BARRED), (State.REFUSED, Happening.LEFT))
async def is_not_allowed_in(scene: Scene) -> Call:
    call = await a_call(scene)
    quiet = scene.guild.create_voice_channel("Quiet", bot_permissions=EVERYONE & ~Permission.CONNECT)
    with pytest.raises(VoiceError, match="Connect"):
        await call.player.join(ChannelId(quiet.id))
    return call


@goes_through((State.JOINING, Happening.NOT_ARRANGED))
async def joins_without_a_gateway(scene: Scene) -> Call:
    call = await a_call(scene)
    scene.lost_leases.add(SHARD)
    with pytest.raises(VoiceError, match="not connected"):
        await call.player.join(call.channel_id)
    return call


async def held_in_joining(scene: Scene) -> tuple[Call, asyncio.Task[object]]:
    """A bot that plays as soon as it is let into the channel, whose request Discord does not answer."""
    call = await a_call(scene)
    scene.guild.voice_channel.bot_permissions = Permission.VIEW_CHANNEL  # of which no event tells
    joining = asyncio.create_task(call.bot.play(scene.guild))
    await until(lambda: bool(scene.discord.log.voice_state_requests), "op 4")
    scene.guild.voice_channel.bot_permissions = EVERYONE
    return call, joining


@goes_through((State.JOINING, Happening.SESSION_NEW), (State.JOINING, Happening.ARRANGED))
async def loses_the_gateway_session_while_joining(scene: Scene) -> Call:
    call, joining = await held_in_joining(scene)
    call.fault()
    await scene.discord.gateway.close_all(NORMAL)
    await joining
    await call.music_again()
    return call


@goes_through((State.JOINING, Happening.ASKED), (State.JOINING, Happening.ARRANGED))
async def is_asked_for_another_channel_while_joining(scene: Scene) -> Call:
    call, joining = await held_in_joining(scene)
    call.fault()
    other = scene.guild.create_voice_channel("Other")
    await scene.alice.join(other)
    await call.player.join(ChannelId(other.id))
    await joining
    await call.music_again()
    assert call.status.channel_id == other.id
    return call


@goes_through((State.JOINING, Happening.LEFT))
async def is_not_wanted_while_joining(scene: Scene) -> Call:
    call, joining = await held_in_joining(scene)
    await call.player.leave()
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    assert scene.guild.bot_voice_state is None
    return call


# -- the voice server ----------------------------------------------------------------------------------------------


@goes_through((State.UP, Happening.CUT), (State.RESUMING, Happening.CONNECTED))
async def the_voice_server_crashes(scene: Scene) -> Call:
    call = await playing(scene)
    call.fault()
    await scene.discord.voice.close_all(CUT)
    await call.steps((State.UP, Happening.CUT), (State.RESUMING, Happening.CONNECTED))
    assert scene.discord.log.voice_identifies[-1].resumed
    await call.music_again()
    return call


@goes_through((State.UP, Happening.CUT), (State.UP, Happening.CUT), (State.RESUMING, Happening.PATIENCE_OVER))
async def the_voice_server_crashes_whenever_it_is_resumed(scene: Scene) -> Call:
    call = await held_in(State.RESUMING, scene)
    call.bot.clock.stand_still()
    call.bot.clock.jump(PURSUE_SECONDS)
    await until(lambda: bool(call.status.notices), "a word")
    scene.gate.open()
    await call.steps((State.RESUMING, Happening.CONNECTED))
    await scene.discord.voice.close_all(CUT)
    await call.is_given_up("lost")
    call.bot.clock.go_on()
    await call.asked_anew()
    return call


@goes_through((State.UP, Happening.VOID), *REJOINED)
async def the_session_is_void(scene: Scene) -> Call:
    """discord.py #10207: 4006 needs a fresh op 4."""
    call = await playing(scene)
    call.fault()
    await scene.discord.voice.close_all(VOID)
    await call.steps((State.UP, Happening.VOID), *REJOINED)
    await call.music_again()
    return call


@goes_through(
    (State.UP, Happening.VOID), (State.CONNECTING, Happening.VOID), (State.REJOINING, Happening.PATIENCE_OVER)
)
async def every_session_is_void(scene: Scene) -> Call:
    """discord.py #10207, its loop: the channel is told in time, nothing is hammered, and it is given up in the end."""
    scene.gate.stand_before(scene.discord.voice)
    call = await playing(scene)
    clock = call.bot.clock
    clock.stand_still()

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        await websocket.close(VOID)

    async with raw_voice(script) as raw:
        raw.trust(scene.tls)
        good = scene.gate.lead_to(raw.endpoint)
        fault_at = clock.monotonic()
        await scene.discord.voice.close_all(VOID)
        await call.steps((State.UP, Happening.VOID))
        clock.jump(TELL_SECONDS)
        await until(lambda: bool(call.status.notices), "a word")
        assert "keep trying" in call.status.notices[0]
        assert clock.monotonic() - fault_at <= MUSIC_AGAIN_SECONDS

        def is_given_up_in_time() -> bool:
            clock.jump(0.25)
            return call.status.given_up

        await until(is_given_up_in_time, "giving up")
        assert 2 <= raw.connections < 25
    scene.gate.lead_to(good)
    clock.go_on()
    await call.asked_anew()
    return call


@goes_through((State.UP, Happening.HUNG_UP), (State.LISTENING, Happening.NOTHING_SAID), *REJOINED)
async def the_server_hangs_up_without_a_reason(scene: Scene) -> Call:
    scene.pace = 2.0
    call = await playing(scene)
    call.fault()
    await scene.discord.voice.close_all(HUNG_UP)
    await call.steps((State.LISTENING, Happening.NOTHING_SAID))
    await call.music_again()
    return call


def is_hung_up_on_when_it_joins(code: int, happening: Happening) -> None:
    @goes_through((State.CONNECTING, happening), *REJOINED)
    async def is_hung_up_on(scene: Scene) -> Call:
        call = await a_call(scene)
        scene.gate.stand_before(scene.discord.voice)
        async with hanging_up(scene, code):
            call.fault()
            await call.bot.play(scene.guild)
        await call.music_again()
        return call

    HISTORIES[-1] = History(f"is_hung_up_on_with_{code}_when_it_joins", HISTORIES[-1].steps, is_hung_up_on)


for _code, _happening in ((CUT, Happening.CUT), (VOID, Happening.VOID), (HUNG_UP, Happening.HUNG_UP)):
    is_hung_up_on_when_it_joins(_code, _happening)


@goes_through((State.CONNECTING, Happening.TURNED_AWAY), (State.REFUSED, Happening.LEFT))
async def is_turned_away_when_it_joins(scene: Scene) -> Call:
    """discord.py #10419: 4017 is retried for ever. Here it is said, at once, and not tried again."""
    call = await a_call(scene)
    scene.gate.stand_before(scene.discord.voice)
    async with hanging_up(scene, DAVE_REQUIRED) as raw:
        with pytest.raises(VoiceError, match="end-to-end encryption"):
            await call.player.join(call.channel_id)
        assert raw.connections == 1
    assert scene.discord.log.voice_identifies == []
    return call


@goes_through((State.UP, Happening.TURNED_AWAY), (State.REFUSED, Happening.ASKED), *JOINED[1:])
async def is_turned_away_while_playing(scene: Scene) -> Call:
    call = await playing(scene)
    identifies = len(scene.discord.log.voice_identifies)
    call.fault()
    await scene.discord.voice.close_all(DAVE_REQUIRED)
    await call.is_given_up("end-to-end encryption")
    assert len(scene.discord.log.voice_identifies) == identifies
    call.fault()
    await call.player.join(call.channel_id)
    await call.music_again()
    return call


@goes_through((State.UP, Happening.SERVER_GONE), (State.WAITING, Happening.NOTHING_SAID), *REJOINED)
async def the_server_goes_and_none_comes(scene: Scene) -> Call:
    """api-docs #1739: ``endpoint: null``, and no word of another."""
    scene.pace = 2.0
    scene.gate.stand_before(scene.discord.voice)
    call = await playing(scene)
    scene.gate.hush()
    call.fault()
    scene.discord.world.voice_states.withdraw_server(scene.guild, scene.app)
    await call.steps((State.WAITING, Happening.NOTHING_SAID))
    await call.music_again()
    return call


@goes_through(
    (State.UP, Happening.SERVER_NAMED),
    (State.FOLLOWING, Happening.SERVER_NAMED),
    (State.FOLLOWING, Happening.SERVER_NAMED),
    (State.FOLLOWING, Happening.CONNECTED),
)
async def the_region_changes_again_while_it_changes(scene: Scene) -> Call:
    """discord.py #3996: a second VOICE_SERVER_UPDATE before the first was acted on."""
    call = await held_in(State.FOLLOWING, scene)
    for _ in range(2):
        scene.discord.world.voice_states.send_server_update(scene.guild, scene.app)
    await call.steps((State.FOLLOWING, Happening.SERVER_NAMED), (State.FOLLOWING, Happening.SERVER_NAMED))
    let_go(call)
    await call.music_again()
    return call


# -- moderators, and the gateway -----------------------------------------------------------------------------------


@goes_through((State.UP, Happening.MOVED), (State.FOLLOWING, Happening.CONNECTED))
async def is_moved_after_a_reconnect(scene: Scene) -> Call:
    """A move after the gateway had reconnected is taken for a kick by discord.py."""
    scene.gate.stand_before(scene.discord.voice)
    call = await playing(scene)
    await scene.discord.gateway.close_all(4000)
    await until(lambda: len(scene.discord.log.resumes) == 1, "a resume")
    await is_moved_to_another(call)
    return call


@goes_through((State.UP, Happening.SESSION_NEW), *REJOINED, (State.UP, Happening.MOVED))
async def is_moved_after_a_new_session(scene: Scene) -> Call:
    call = await with_a_new_session(scene)
    await is_moved_to_another(call)
    return call


async def with_a_new_session(scene: Scene) -> Call:
    call = await held_in(State.UP, scene)
    call.fault()
    await scene.discord.gateway.close_all(NORMAL)
    await call.steps((State.UP, Happening.SESSION_NEW), *REJOINED)
    await call.music_again()
    assert len(scene.discord.log.identifies) == 2
    return call


async def is_moved_to_another(call: Call) -> None:
    other = call.scene.guild.create_voice_channel("Other")
    await call.scene.alice.join(other)
    call.scene.gate.hush()
    call.fault()
    await call.scene.guild.move_bot(other)
    await call.steps((State.UP, Happening.MOVED))
    assert (call.status.moved, call.status.kicked) == (True, False)
    call.scene.gate.open()
    await call.music_again()


@goes_through((State.KICKED, Happening.LEFT), *JOINED)
async def is_kicked(scene: Scene) -> Call:
    """muse #394, Red #5201: the bot is stuck after a forced disconnect."""
    call = await playing(scene)
    call.fault()
    await scene.guild.kick_bot_from_voice()
    await call.is_kicked()
    await call.asked_anew()
    return call


@goes_through((State.KICKED, Happening.ASKED), *JOINED[1:])
async def is_asked_back_after_a_kick(scene: Scene) -> Call:
    call = await playing(scene)
    call.fault()
    await scene.guild.kick_bot_from_voice()
    await call.is_kicked()
    call.fault()
    await call.player.join(call.channel_id)
    await call.music_again()
    assert not call.status.kicked
    return call


@goes_through((State.UP, Happening.SESSION_NEW), *REJOINED, (State.UP, Happening.THROWN_OUT))
async def is_kicked_after_a_new_session(scene: Scene) -> Call:
    call = await with_a_new_session(scene)
    scene.gate.hush()
    call.fault()
    await scene.guild.kick_bot_from_voice()
    await call.is_kicked()
    return call


@goes_through((State.REJOINING, Happening.ARRANGED))
async def loses_the_gateway_session(scene: Scene) -> Call:
    """Discord says that it is invalid: a random 1 to 5 s have to pass before another. It is not taken for a kick."""
    scene.pace = 2.0
    call = await playing(scene)
    call.fault()
    await scene.discord.gateway.invalidate_all()
    await until(lambda: any(step[1] is Happening.SESSION_NEW for step in call.player.presence.steps), "the new session")
    await call.music_again()
    assert not call.status.kicked
    return call


@goes_through((State.KICKED, Happening.LEFT))
async def its_channel_is_deleted_after_it_was_thrown_out(scene: Scene) -> Call:
    """The order of the fake's own. With the channel's end told first see ``happenings``."""
    call = await playing(scene)
    call.fault()
    await scene.guild.delete_channel(scene.guild.voice_channel)
    await call.is_kicked()
    await call.player.leave()
    return call


@goes_through((State.REJOINING, Happening.BARRED))
async def its_place_was_taken_while_it_was_away(scene: Scene) -> Call:
    call = await held_in(State.REJOINING, scene)
    channel, bob = scene.guild.voice_channel, scene.guild.add_member("bob")
    channel.user_limit = 1
    scene.discord.world.publish(scene.guild, "CHANNEL_UPDATE", payloads.channel(channel), None)
    await bob.join(channel)
    gateway = call.bot.gateway
    await until(lambda: gateway.others_in(call.guild_id, call.channel_id) == 2, "its hearing of bob")
    let_go(call)
    await call.is_given_up("full")
    return call


@goes_through((State.REJOINING, Happening.NOT_ARRANGED), *REJOINED)
async def has_no_gateway_to_ask_for_a_while(scene: Scene) -> Call:
    call = await playing(scene)
    scene.lost_leases.add(SHARD)
    call.fault()
    await scene.discord.voice.close_all(VOID)
    await call.steps((State.REJOINING, Happening.NOT_ARRANGED))
    scene.lost_leases.clear()
    await call.music_again()
    return call


@goes_through((State.UP, Happening.STUCK), *REJOINED)
async def is_up_and_sends_nothing(scene: Scene) -> Call:
    """The watchdog finds it; see test_watchdog_heals.py for its other steps."""
    scene.pace = 3.0
    scene.gate.stand_before(scene.discord.voice)
    call = await playing(scene)
    call.fault()
    await keys_never_come(call)
    await call.steps((State.UP, Happening.STUCK))
    await call.music_again()
    return call
