"""Bringing a bot that plays into a state, and holding it there while something else happens.

It is held where it waits anyway: at the gate before the voice server, or by its own clock. So nothing races, however
busy the machine is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from websockets.asyncio.server import ServerConnection

from tests.integration.voice.call import Call, playing
from tests.integration.voice.raw_server import RawVoice, raw_voice
from tests.integration.voice.scene import Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State

VOID, CUT, HUNG_UP = 4006, 4015, 4014
"""Close codes of a voice connection."""


async def _up(call: Call) -> None:
    """It plays, and would not hear of it if the voice server hung up: that has a state of its own."""
    call.scene.gate.hush()


async def _connecting(call: Call) -> None:
    call.scene.gate.shut()
    await call.scene.discord.voice.close_all(VOID)


async def _resuming(call: Call) -> None:
    call.scene.gate.shut()
    await call.scene.discord.voice.close_all(CUT)


async def _following(call: Call) -> None:
    call.scene.gate.hush()
    call.scene.gate.shut()
    call.scene.discord.world.voice_states.send_server_update(call.scene.guild, call.scene.app)


async def _listening(call: Call) -> None:
    call.bot.clock.stand_still()
    await call.scene.discord.voice.close_all(HUNG_UP)


async def _waiting(call: Call) -> None:
    call.bot.clock.stand_still()
    call.scene.gate.hush()
    call.scene.discord.world.voice_states.withdraw_server(call.scene.guild, call.scene.app)


async def _rejoining(call: Call) -> None:
    """Its second attempt, before which it pauses: the first failed."""
    call.bot.clock.stand_still()
    async with hanging_up(call.scene, VOID):
        await call.scene.discord.voice.close_all(VOID)
        await call.steps((State.CONNECTING, Happening.VOID))


WAYS: Final[dict[State, Callable[[Call], Awaitable[None]]]] = {
    State.UP: _up,
    State.CONNECTING: _connecting,
    State.RESUMING: _resuming,
    State.FOLLOWING: _following,
    State.LISTENING: _listening,
    State.WAITING: _waiting,
    State.REJOINING: _rejoining,
}
"""Every state of a call."""


async def held_in(state: State, scene: Scene) -> Call:
    """A bot that was playing, and is held in ``state`` until :func:`let_go`."""
    scene.gate.stand_before(scene.discord.voice)
    call = await playing(scene)
    if state is not State.UP:
        call.fault()
    await WAYS[state](call)
    await until(lambda: call.player.presence.state is state, f"its being {state.name}")
    return call


def let_go(call: Call) -> None:
    call.scene.gate.open()
    call.bot.clock.go_on()


@asynccontextmanager
async def hanging_up(scene: Scene, code: int) -> AsyncIterator[RawVoice]:
    """Behind the gate there is for once a voice server that hangs up on whoever connects."""

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        scene.gate.lead_to(good)
        await websocket.close(code)

    async with raw_voice(script) as raw:
        raw.trust(scene.tls)
        good = scene.gate.lead_to(raw.endpoint)
        yield raw
