"""What can happen to a call whatever state it is in, and what becomes of it: a history for each pair of the two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.discord import payloads
from sandbox.discord.permissions import EVERYONE, Permission
from tests.integration.voice.call import Call, History
from tests.integration.voice.holding import CUT, HUNG_UP, VOID, WAYS, hanging_up, held_in, let_go
from tests.integration.voice.scene import Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.domain.ids import ChannelId

NORMAL = 1000
"""Closed with it, a gateway session is over."""
DAVE_REQUIRED = 4017

After = Callable[[], Awaitable[None]]
"""To be called when the step has been taken and the bot is let go."""


async def _is_asked_for_another_channel(call: Call) -> After:
    other = call.scene.guild.create_voice_channel("Other")
    await call.scene.alice.join(other)
    joining = asyncio.create_task(call.player.join(ChannelId(other.id)))

    async def arrives() -> None:
        await joining
        await call.music_again()
        assert call.status.channel_id == other.id

    return arrives


async def _is_not_wanted(call: Call) -> After:
    leaving = asyncio.create_task(call.player.leave())

    async def is_out() -> None:
        await leaving
        await until(lambda: call.scene.guild.bot_voice_state is None, "its leaving")

    return is_out


async def _loses_its_server(call: Call) -> After:
    states = call.scene.discord.world.voice_states
    states.withdraw_server(call.scene.guild, call.scene.app)

    async def is_given_another() -> None:
        states.send_server_update(call.scene.guild, call.scene.app)
        await call.steps((State.WAITING, Happening.SERVER_NAMED), (State.FOLLOWING, Happening.CONNECTED))
        await call.music_again()

    return is_given_another


async def _is_given_another_server(call: Call) -> After:
    call.scene.discord.world.voice_states.send_server_update(call.scene.guild, call.scene.app)
    return call.music_again


async def _is_moved(call: Call) -> After:
    other = call.scene.guild.create_voice_channel("Other")
    await call.scene.alice.join(other)
    await call.scene.guild.move_bot(other)

    async def plays_there() -> None:
        await call.music_again()
        assert (call.status.channel_id, call.status.moved, call.status.kicked) == (other.id, True, False)

    return plays_there


async def _is_kicked(call: Call) -> After:
    await call.scene.guild.kick_bot_from_voice()
    return call.is_kicked


async def _loses_its_channel(call: Call) -> After:
    """With the channel's end told first; the fake's own order is the other."""
    world, channel = call.scene.discord.world, call.scene.guild.voice_channel
    world.publish(call.scene.guild, "CHANNEL_DELETE", payloads.channel(channel), None)
    world.voice_states.remove(call.scene.guild, call.scene.app.bot_user_id)
    return lambda: call.is_given_up("deleted")


async def _may_not_speak(call: Call) -> After:
    channel = call.scene.guild.voice_channel
    channel.bot_permissions = EVERYONE & ~Permission.SPEAK
    call.scene.discord.world.publish(call.scene.guild, "CHANNEL_UPDATE", payloads.channel(channel), None)
    return lambda: call.is_given_up("Speak")


async def _loses_its_gateway_session(call: Call) -> After:
    await call.scene.discord.gateway.close_all(NORMAL)

    async def rejoins() -> None:
        await call.music_again()
        assert not call.status.kicked

    return rejoins


ANYWHERE: Final[dict[Happening, Callable[[Call], Awaitable[After]]]] = {
    Happening.ASKED: _is_asked_for_another_channel,
    Happening.LEFT: _is_not_wanted,
    Happening.SERVER_GONE: _loses_its_server,
    Happening.SERVER_NAMED: _is_given_another_server,
    Happening.MOVED: _is_moved,
    Happening.THROWN_OUT: _is_kicked,
    Happening.CHANNEL_GONE: _loses_its_channel,
    Happening.MUZZLED: _may_not_speak,
    Happening.SESSION_NEW: _loses_its_gateway_session,
}

REFUSALS: Final = {
    Happening.CUT: CUT,
    Happening.VOID: VOID,
    Happening.HUNG_UP: HUNG_UP,
    Happening.TURNED_AWAY: DAVE_REQUIRED,
}
"""How a voice server may refuse a connection that is being made."""


def _meanwhile(state: State, happening: Happening) -> History:
    async def run(scene: Scene) -> Call:
        call = await held_in(state, scene)
        call.fault()
        then = await ANYWHERE[happening](call)
        await call.steps((state, happening))
        let_go(call)
        await then()
        return call

    return History(f"{happening.name}_while_{state.name}", ((state, happening),), run)


def _refused(state: State, happening: Happening) -> History:
    async def run(scene: Scene) -> Call:
        call = await held_in(state, scene)
        async with hanging_up(scene, REFUSALS[happening]):
            let_go(call)
            await call.steps((state, happening))
            if happening is Happening.TURNED_AWAY:
                await call.is_given_up("end-to-end encryption")
            else:
                await call.music_again()
        return call

    return History(f"{happening.name}_while_{state.name}", ((state, happening),), run)


MEANWHILE: Final = [_meanwhile(state, happening) for state in WAYS for happening in ANYWHERE]
REFUSED: Final = [
    _refused(state, happening)
    for state in (State.CONNECTING, State.FOLLOWING, State.RESUMING)
    for happening in REFUSALS
]
