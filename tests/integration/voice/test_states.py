"""Every row of the table of states, against the fake Discord; and the failures that other clients had.

Each history names the steps that it goes through. The first test sees to it that no row is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from websockets.asyncio.server import ServerConnection

from sandbox.discord import payloads
from sandbox.discord.permissions import EVERYONE, Permission
from tests.integration.voice.raw_server import RawVoice, raw_voice
from tests.integration.voice.scene import SHARD, Bot, Scene, until
from timmybot.adapters.discord_voice.machine import ROWS, Happening, State
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.domain.ids import ChannelId
from timmybot.ports.voice import VoiceError

MUSIC_AGAIN_SECONDS: Final = 10.0

Step = tuple[State, Happening]
History = Callable[[Scene], Awaitable[None]]
JOINED: Final[tuple[Step, ...]] = (
    (State.OUT, Happening.ASKED),
    (State.JOINING, Happening.ARRANGED),
    (State.CONNECTING, Happening.CONNECTED),
)


@dataclass
class Call:
    """A bot that plays to alice."""

    scene: Scene
    bot: Bot
    player: VoicePlayer

    @property
    def channel_id(self) -> ChannelId:
        return ChannelId(self.scene.guild.voice_channel.id)

    async def music_again(self) -> None:
        self.scene.alice.ear.clear()
        await self.scene.alice.ear.wait_for_sound(MUSIC_AGAIN_SECONDS, seconds=0.5)

    async def steps(self, *steps: Step) -> None:
        """These were gone through, in this order, with others between them perhaps."""

        def gone() -> bool:
            taken = iter([step[:2] for step in self.player.presence.steps])
            return all(step in taken for step in steps)

        try:
            await until(gone, "the steps")
        except AssertionError:
            raise AssertionError(f"{steps} not among {list(self.player.presence.steps)}") from None

    async def is_given_up(self, sentence: str) -> None:
        await until(lambda: self.player.status().given_up, "giving up", patience_seconds=MUSIC_AGAIN_SECONDS)
        assert sentence in (self.player.status().trouble or "")

    async def asked_anew(self) -> None:
        """What services do in the end: the bot is not stuck (muse #394, Red #5201)."""
        await self.player.leave()
        await self.bot.play(self.scene.guild)
        await self.music_again()


async def a_call(scene: Scene) -> Call:
    bot = await scene.worker()
    player = bot.player(scene.guild)
    assert isinstance(player, VoicePlayer)
    return Call(scene, bot, player)


async def playing(scene: Scene) -> Call:
    call = await a_call(scene)
    await call.bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=0.5)
    await call.steps(*JOINED)
    return call


@asynccontextmanager
async def hanging_up(scene: Scene, code: int) -> AsyncIterator[RawVoice]:
    """The voice server that Discord names next hangs up on whoever connects; the one after is in order again."""
    good = scene.discord.voice.endpoint

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        scene.discord.voice.endpoint = good
        await websocket.close(code)

    async with raw_voice(script) as raw:
        raw.trust(scene.tls)
        scene.discord.voice.endpoint = raw.endpoint
        yield raw


# -- the histories ---------------------------------------------------------------------------------------------------


async def joins_and_leaves(scene: Scene) -> None:
    call = await playing(scene)
    await call.player.leave()
    await call.steps((State.UP, Happening.LEFT))
    await until(lambda: scene.guild.bot_voice_state is None, "its leaving")


async def is_not_allowed_in(scene: Scene) -> None:
    call = await a_call(scene)
    quiet = scene.guild.create_voice_channel("Quiet", bot_permissions=EVERYONE & ~Permission.CONNECT)
    with pytest.raises(VoiceError, match="Connect"):
        await call.player.join(ChannelId(quiet.id))
    await call.steps((State.JOINING, Happening.BARRED))


async def joins_without_a_gateway(scene: Scene) -> None:
    call = await a_call(scene)
    scene.lost_leases.add(SHARD)
    with pytest.raises(VoiceError, match="not connected"):
        await call.player.join(call.channel_id)
    await call.steps((State.JOINING, Happening.NOT_ARRANGED))


async def loses_the_gateway_session_while_joining(scene: Scene) -> None:
    scene.pace = 5.0
    call = await a_call(scene)
    channel = scene.guild.voice_channel
    channel.bot_permissions = Permission.VIEW_CHANNEL  # of which no event tells: Discord just does not answer
    joining = asyncio.create_task(call.bot.play(scene.guild))
    await until(lambda: bool(scene.discord.log.voice_state_requests), "op 4")
    channel.bot_permissions = EVERYONE
    await scene.discord.gateway.invalidate_all()
    await joining
    await call.steps((State.JOINING, Happening.SESSION_NEW))
    await call.music_again()


async def the_voice_server_crashes(scene: Scene) -> None:
    call = await playing(scene)
    await scene.discord.voice.close_all(4015)
    await call.steps((State.UP, Happening.CUT), (State.RESUMING, Happening.CONNECTED))
    assert scene.discord.log.voice_identifies[-1].resumed
    await call.music_again()


async def the_session_is_gone_when_it_is_resumed(scene: Scene) -> None:
    call = await playing(scene)
    session = scene.discord.voice.sessions[0]
    await scene.discord.voice.close_all(4015)
    session.identified = False
    await call.steps((State.UP, Happening.CUT), (State.RESUMING, Happening.VOID), (State.REJOINING, Happening.ARRANGED))
    await call.music_again()


async def the_session_is_void(scene: Scene) -> None:
    """discord.py #10207: 4006 needs a fresh op 4."""
    call = await playing(scene)
    await scene.discord.voice.close_all(4006)
    await call.steps((State.UP, Happening.VOID), (State.REJOINING, Happening.ARRANGED))
    await call.music_again()


async def the_session_is_void_for_ever(scene: Scene) -> None:
    """discord.py #10207, its loop: the channel is told within seconds, and it is given up in the end."""
    scene.pace = 20.0
    call = await playing(scene)

    async def void_it() -> None:
        while True:
            await until(lambda: any(s.connection for s in scene.discord.voice.sessions), "a connection")
            await scene.discord.voice.close_all(4006)

    voiding = asyncio.create_task(void_it())
    try:
        await until(lambda: bool(call.player.status().notices), "a word")
        await until(lambda: call.player.status().given_up, "giving up")
    finally:
        voiding.cancel()
        await asyncio.gather(voiding, return_exceptions=True)
    assert len(scene.discord.log.voice_identifies) < 25
    await call.steps((State.REJOINING, Happening.PATIENCE_OVER))
    await call.asked_anew()


async def the_server_hangs_up_without_a_reason(scene: Scene) -> None:
    call = await playing(scene)
    await scene.discord.voice.close_all(4014)
    await call.steps((State.UP, Happening.HUNG_UP), (State.LISTENING, Happening.NOTHING_SAID))
    await call.music_again()


def is_hung_up_on_while_connecting(code: int, happening: Happening) -> History:
    async def history(scene: Scene) -> None:
        call = await a_call(scene)
        async with hanging_up(scene, code):
            await call.bot.play(scene.guild)
        await call.steps((State.CONNECTING, happening), (State.REJOINING, Happening.ARRANGED))
        await call.music_again()

    history.__name__ = f"is_hung_up_on_with_{code}_while_connecting"
    return history


async def is_turned_away_while_connecting(scene: Scene) -> None:
    """discord.py #10419: 4017 is retried for ever. Here it is said, at once, and not tried again."""
    call = await a_call(scene)
    async with hanging_up(scene, 4017) as raw:
        with pytest.raises(VoiceError, match="end-to-end encryption"):
            await call.player.join(call.channel_id)
        assert raw.connections == 1
    await call.steps((State.CONNECTING, Happening.TURNED_AWAY))
    assert scene.discord.log.voice_identifies == []


async def is_turned_away_while_playing(scene: Scene) -> None:
    call = await playing(scene)
    identifies = len(scene.discord.log.voice_identifies)
    await scene.discord.voice.close_all(4017)
    await call.is_given_up("end-to-end encryption")
    await call.steps((State.UP, Happening.TURNED_AWAY))
    assert len(scene.discord.log.voice_identifies) == identifies


async def the_server_goes_and_another_comes(scene: Scene) -> None:
    """api-docs #1739: ``endpoint: null``."""
    call = await playing(scene)
    states = scene.discord.world.voice_states
    states.withdraw_server(scene.guild, scene.app)
    await call.steps((State.UP, Happening.SERVER_GONE))
    states.send_server_update(scene.guild, scene.app)
    await call.steps((State.WAITING, Happening.SERVER_NAMED), (State.FOLLOWING, Happening.CONNECTED))
    await call.music_again()


async def the_server_goes_and_none_comes(scene: Scene) -> None:
    call = await playing(scene)
    scene.discord.world.voice_states.withdraw_server(scene.guild, scene.app)
    await call.steps((State.UP, Happening.SERVER_GONE), (State.WAITING, Happening.NOTHING_SAID))
    await call.music_again()


async def the_region_changes_again_while_it_changes(scene: Scene) -> None:
    """discord.py #3996: a second VOICE_SERVER_UPDATE before the first was acted on."""
    call = await playing(scene)
    states = scene.discord.world.voice_states
    for _ in range(3):
        states.send_server_update(scene.guild, scene.app)
    await call.steps((State.UP, Happening.SERVER_NAMED), (State.FOLLOWING, Happening.SERVER_NAMED))
    await call.music_again()


async def is_moved_after_a_reconnect(scene: Scene) -> None:
    """A move after the gateway had reconnected is taken for a kick by discord.py."""
    call = await playing(scene)
    await scene.discord.gateway.close_all(4000)
    await until(lambda: len(scene.discord.log.resumes) == 1, "a resume")
    await is_moved_to_another(call)
    await call.steps((State.UP, Happening.MOVED))


async def is_moved_after_a_new_session(scene: Scene) -> None:
    scene.pace = 5.0
    call = await playing(scene)
    await scene.discord.gateway.invalidate_all()
    await until(lambda: len(scene.discord.log.identifies) == 2, "a second identify")
    await call.music_again()
    await is_moved_to_another(call)


async def is_moved_to_another(call: Call) -> None:
    other = call.scene.guild.create_voice_channel("Other")
    await call.scene.alice.join(other)
    await call.scene.guild.move_bot(other)
    await until(lambda: call.player.status().moved, "the move")
    assert not call.player.status().kicked
    await call.music_again()


async def is_kicked(scene: Scene) -> None:
    """muse #394, Red #5201: the bot is stuck after a forced disconnect."""
    call = await playing(scene)
    await scene.guild.kick_bot_from_voice()
    await until(lambda: call.player.status().kicked, "the kick")
    assert "disconnected" in (call.player.status().trouble or "")
    await call.steps((State.LISTENING if was_first_hung_up(call) else State.UP, Happening.THROWN_OUT))
    await call.asked_anew()


def was_first_hung_up(call: Call) -> bool:
    """The voice server's word and the gateway's may come in either order."""
    return (State.UP, Happening.HUNG_UP, State.LISTENING) in call.player.presence.steps


async def is_kicked_after_a_new_session(scene: Scene) -> None:
    scene.pace = 5.0
    call = await playing(scene)
    await scene.discord.gateway.invalidate_all()
    await until(lambda: len(scene.discord.log.identifies) == 2, "a second identify")
    await call.music_again()
    await scene.guild.kick_bot_from_voice()
    await until(lambda: call.player.status().kicked, "the kick")


async def loses_the_gateway_session(scene: Scene) -> None:
    call = await playing(scene)
    await scene.discord.gateway.invalidate_all()
    await until(lambda: any(step[1] is Happening.SESSION_NEW for step in call.player.presence.steps), "the new session")
    await call.music_again()
    assert not call.player.status().kicked


async def its_channel_is_deleted(scene: Scene) -> None:
    """With the channel's end told first; the fake's own order is the other."""
    call = await playing(scene)
    channel, world = scene.guild.voice_channel, scene.discord.world
    world.publish(scene.guild, "CHANNEL_DELETE", payloads.channel(channel), None)
    world.voice_states.remove(scene.guild, scene.app.bot_user_id)
    await call.is_given_up("deleted")
    assert any(step[1] is Happening.CHANNEL_GONE for step in call.player.presence.steps)


async def its_channel_is_deleted_after_it_was_thrown_out(scene: Scene) -> None:
    call = await playing(scene)
    await scene.guild.delete_channel(scene.guild.voice_channel)
    await until(lambda: call.player.status().kicked, "the end of it")
    assert "disconnected" in (call.player.status().trouble or "")


async def may_not_speak_any_more(scene: Scene) -> None:
    call = await playing(scene)
    channel = scene.guild.voice_channel
    channel.bot_permissions = EVERYONE & ~Permission.SPEAK
    scene.discord.world.publish(scene.guild, "CHANNEL_UPDATE", payloads.channel(channel), None)
    await call.is_given_up("Speak")
    await call.steps((State.UP, Happening.MUZZLED))


async def its_place_was_taken_while_it_was_away(scene: Scene) -> None:
    call = await playing(scene)
    channel = scene.guild.voice_channel
    channel.user_limit = 1
    scene.discord.world.publish(scene.guild, "CHANNEL_UPDATE", payloads.channel(channel), None)
    await scene.discord.voice.close_all(4006)
    await call.is_given_up("full")
    await call.steps((State.REJOINING, Happening.BARRED))


async def has_no_gateway_to_ask_for_a_while(scene: Scene) -> None:
    call = await playing(scene)
    scene.lost_leases.add(SHARD)
    await scene.discord.voice.close_all(4006)
    await call.steps((State.REJOINING, Happening.NOT_ARRANGED))
    scene.lost_leases.clear()
    await call.music_again()


async def is_up_and_sends_nothing(scene: Scene) -> None:
    call = await playing(scene)
    call.player.presence.reconnect()
    await call.steps((State.UP, Happening.STUCK))
    await call.music_again()


HISTORIES: Final[Sequence[tuple[History, tuple[Step, ...]]]] = [
    (joins_and_leaves, (*JOINED, (State.UP, Happening.LEFT))),
    (is_not_allowed_in, ((State.JOINING, Happening.BARRED),)),
    (joins_without_a_gateway, ((State.JOINING, Happening.NOT_ARRANGED),)),
    (loses_the_gateway_session_while_joining, ((State.JOINING, Happening.SESSION_NEW),)),
    (the_voice_server_crashes, ((State.UP, Happening.CUT), (State.RESUMING, Happening.CONNECTED))),
    (the_session_is_gone_when_it_is_resumed, ((State.RESUMING, Happening.VOID),)),
    (the_session_is_void, ((State.UP, Happening.VOID), (State.REJOINING, Happening.ARRANGED))),
    (the_session_is_void_for_ever, ((State.REJOINING, Happening.PATIENCE_OVER),)),
    (
        the_server_hangs_up_without_a_reason,
        ((State.UP, Happening.HUNG_UP), (State.LISTENING, Happening.NOTHING_SAID)),
    ),
    (is_hung_up_on_while_connecting(4015, Happening.CUT), ((State.CONNECTING, Happening.CUT),)),
    (is_hung_up_on_while_connecting(4006, Happening.VOID), ((State.CONNECTING, Happening.VOID),)),
    (is_hung_up_on_while_connecting(4014, Happening.HUNG_UP), ((State.CONNECTING, Happening.HUNG_UP),)),
    (is_turned_away_while_connecting, ((State.CONNECTING, Happening.TURNED_AWAY),)),
    (is_turned_away_while_playing, ((State.UP, Happening.TURNED_AWAY),)),
    (the_server_goes_and_another_comes, ((State.UP, Happening.SERVER_GONE), (State.WAITING, Happening.SERVER_NAMED))),
    (the_server_goes_and_none_comes, ((State.WAITING, Happening.NOTHING_SAID),)),
    (the_region_changes_again_while_it_changes, ((State.UP, Happening.SERVER_NAMED),)),
    (is_moved_after_a_reconnect, ((State.UP, Happening.MOVED),)),
    (is_moved_after_a_new_session, ()),
    (is_kicked, ((State.UP, Happening.THROWN_OUT),)),
    (is_kicked_after_a_new_session, ()),
    (loses_the_gateway_session, ((State.UP, Happening.SESSION_NEW),)),
    (its_channel_is_deleted, ((State.UP, Happening.CHANNEL_GONE),)),
    (its_channel_is_deleted_after_it_was_thrown_out, ()),
    (may_not_speak_any_more, ((State.UP, Happening.MUZZLED),)),
    (its_place_was_taken_while_it_was_away, ((State.REJOINING, Happening.BARRED),)),
    (has_no_gateway_to_ask_for_a_while, ((State.REJOINING, Happening.NOT_ARRANGED),)),
    (is_up_and_sends_nothing, ((State.UP, Happening.STUCK),)),
]


def test_every_row_has_a_history() -> None:
    proven = {step for _, steps in HISTORIES for step in steps}
    without = [
        (tuple(state.name for state in states), happening.name)
        for states, happenings, _ in ROWS
        for happening in happenings
        if not any((state, happening) in proven for state in states)
    ]
    assert without == []


@pytest.mark.parametrize("history", [pytest.param(history, id=history.__name__) for history, _ in HISTORIES])
async def test_history(scene: Scene, history: History) -> None:
    await history(scene)
