"""Staying in a channel: what is mended, what supersedes what, and when it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.voice import FakeSignalling
from timmybot.adapters.discord_voice.call import LISTEN_SECONDS, NEXT_SERVER_SECONDS
from timmybot.adapters.discord_voice.close_codes import Loss, after_close
from timmybot.adapters.discord_voice.connection import ConnectionFailed
from timmybot.adapters.discord_voice.machine import State
from timmybot.adapters.discord_voice.patience import (
    FIRST_JOIN_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    PURSUE_SECONDS,
    STEADY_SECONDS,
    TELL_SECONDS,
)
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice import VoiceError
from timmybot.ports.voice_signalling import Kicked, ServerChanged, ServerGone, SessionRenewed, VoiceServer

MUSIC, OTHER = ChannelId(5), ChannelId(6)


@dataclass(eq=False)
class FakeConnection:
    """A voice connection that fails as often as the world says."""

    server: VoiceServer
    world: World
    lost: Callable[[Any, Loss], None]
    is_up: bool = False
    resumed: int = 0
    closed: bool = False
    packets: object = field(default_factory=object)
    loss: Loss | None = None

    async def open(self) -> None:
        if self.world.failing:
            raise ConnectionFailed(self.world.failing.pop(0))
        self.loss = self.world.lost_at_once
        self.is_up = self.loss is None

    async def resume(self) -> None:
        await self.open()
        self.resumed += 1

    async def close(self) -> None:
        self.is_up, self.closed = False, True

    def breaks(self, code: int | None) -> None:
        self.is_up = False
        self.lost(self, after_close(code))


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.signalling = FakeSignalling()
        self.connections: list[FakeConnection] = []
        self.failing: list[Loss] = []
        self.lost_at_once: Loss | None = None
        self.flickering = False
        """Whether each connection breaks the moment it is up."""
        self.carried: object | None = None
        self.changes = 0
        self.told: list[str] = []
        self.presence = Presence(
            GuildId(1),
            signalling=self.signalling,
            connect=self._connect,
            clock=self.clock,
            random=Random(1),
            carry=self._carry,
            changed=self._changed,
            tell=self.told.append,
        )

    @property
    def connection(self) -> FakeConnection:
        return self.connections[-1]

    @property
    def plays(self) -> bool:
        return self.carried is self.connection.packets

    def _connect(self, server: VoiceServer, lost: Callable[[Any, Loss], None]) -> Any:
        self.connections.append(FakeConnection(server, self, lost))
        return self.connection

    def _carry(self, packets: object | None) -> None:
        self.carried = packets
        if packets is not None and self.flickering:
            asyncio.get_running_loop().call_soon(self.connection.breaks, 4006)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def world() -> World:
    world = World()
    await world.presence.join(MUSIC)
    return world


def another_server(channel_id: ChannelId = MUSIC) -> VoiceServer:
    return VoiceServer(GuildId(1), channel_id, UserId(1), "us.invalid", "session-x", "grant-x")


async def test_a_first_join_is_not_pursued_for_long_by_connections_that_break_the_moment_they_are_up() -> None:
    world = World()
    world.flickering = True
    joining = asyncio.create_task(world.presence.join(MUSIC))
    await world.clock.advance(FIRST_JOIN_SECONDS + LONGEST_BACKOFF_SECONDS)
    assert joining.done(), "somebody waits for the answer"
    with pytest.raises(VoiceError) as refused:
        await joining
    assert not refused.value.lasting, "it may be over in a minute"
    assert 2 <= len(world.connections) <= 6


async def test_joining_where_it_is_does_nothing(world: World) -> None:
    await world.presence.join(MUSIC)
    assert world.signalling.asked == [MUSIC]
    assert world.plays


async def test_a_refused_join_says_why_and_leaves_nothing_behind() -> None:
    world = World()
    world.signalling.refusal = "I may not play there."
    with pytest.raises(VoiceError, match="may not play"):
        await world.presence.join(MUSIC)
    assert world.presence.channel_id is None
    assert world.signalling.subscribers == []


async def test_a_crashed_voice_server_is_resumed_with_the_same_packets(world: World) -> None:
    world.connection.breaks(4015)
    await settle()
    assert (world.connection.resumed, len(world.connections), world.plays) == (1, 1, True)
    assert world.signalling.asked == [MUSIC]


async def test_nothing_is_carried_while_it_is_being_mended(world: World) -> None:
    world.connection.breaks(4014)
    await settle()
    assert world.carried is None
    assert world.presence.channel_id == MUSIC


async def test_a_resume_that_fails_becomes_a_rejoin(world: World) -> None:
    world.failing = [after_close(4006)]
    world.connection.breaks(4015)
    await world.clock.advance(1)
    assert world.signalling.asked == [MUSIC, MUSIC]
    assert world.plays


async def test_after_4014_the_gateway_is_listened_to_before_the_bot_rejoins(world: World) -> None:
    world.connection.breaks(4014)
    await world.clock.advance(LISTEN_SECONDS - 0.1)
    assert world.signalling.asked == [MUSIC]
    await world.clock.advance(0.2)
    assert world.signalling.asked == [MUSIC, MUSIC]
    assert world.plays


async def test_a_kick_that_comes_after_4014_ends_the_mending(world: World) -> None:
    world.connection.breaks(4014)
    await settle()
    world.signalling.tell(Kicked())
    await world.clock.advance(60)
    assert world.presence.kicked
    assert world.presence.channel_id is None
    assert world.signalling.asked == [MUSIC]
    assert world.changes == 1


@pytest.mark.parametrize("while_connecting", ["another server is named", "the session is resumed"])
async def test_after_4014_it_is_listened_to_just_as_well_while_it_connects(world: World, while_connecting: str) -> None:
    """Asking again at once would undo a kick of which the gateway tells some milliseconds later."""
    world.failing = [after_close(4014)]
    if while_connecting == "another server is named":
        world.signalling.tell(ServerChanged(another_server()))
    else:
        world.connection.breaks(4015)
    await world.clock.advance(LISTEN_SECONDS - 0.1)
    world.signalling.tell(Kicked())
    await world.clock.advance(60)
    assert world.presence.kicked
    assert world.signalling.asked == [MUSIC]


async def test_without_word_of_a_kick_4014_while_it_connects_is_mended(world: World) -> None:
    world.failing = [after_close(4014)]
    world.signalling.tell(ServerChanged(another_server()))
    await world.clock.advance(LISTEN_SECONDS + 0.1)
    assert world.signalling.asked == [MUSIC, MUSIC]
    assert world.plays


async def test_why_a_connection_broke_the_moment_it_was_up_is_heard() -> None:
    world = World()
    world.lost_at_once = after_close(4017)
    with pytest.raises(VoiceError, match="end-to-end encryption") as refused:
        await world.presence.join(MUSIC)
    assert refused.value.lasting
    assert len(world.connections) == 1


async def test_a_join_that_is_called_off_leaves_no_ghost_in_the_channel() -> None:
    world = World()
    world.failing = [after_close(4006)] * 50
    joining = asyncio.create_task(world.presence.join(MUSIC))
    await settle()
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    await world.presence.leave()
    assert world.signalling.asked[-1] is None
    asked = len(world.signalling.asked)
    await world.presence.leave()
    assert len(world.signalling.asked) == asked, "it has said good-bye"


async def test_leaving_that_is_called_off_closes_the_connection_and_is_made_up_for(world: World) -> None:
    leaving = asyncio.create_task(world.presence.leave())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await settle()
    assert (world.connection.closed, world.signalling.asked) == (True, [MUSIC])
    await world.presence.leave()
    assert world.signalling.asked == [MUSIC, None]


@pytest.mark.parametrize("ending", ["kicked", "handed over"])
async def test_who_is_out_already_says_no_good_bye(world: World, ending: str) -> None:
    """It might be somebody else by now who is in the channel: the bot's next worker, or the bot asked back."""
    if ending == "kicked":
        world.signalling.tell(Kicked())
        await settle()
    else:
        await world.presence.close()
    await world.presence.leave()
    assert world.signalling.asked == [MUSIC]


async def test_a_kick_is_forgotten_when_the_guild_asks_again(world: World) -> None:
    world.signalling.tell(Kicked())
    await settle()
    await world.presence.join(MUSIC)
    assert not world.presence.kicked
    assert world.plays


async def test_another_server_is_followed_and_the_old_ones_end_is_no_loss(world: World) -> None:
    old = world.connection
    world.signalling.tell(ServerChanged(another_server()))
    old.breaks(4014)
    await settle()
    assert (world.connection.server, old.closed, world.plays) == (another_server(), True, True)
    assert world.signalling.asked == [MUSIC]


async def test_a_move_within_the_same_call_only_changes_the_channel(world: World) -> None:
    server = world.connection.server
    moved = VoiceServer(GuildId(1), OTHER, UserId(1), server.endpoint, server.session_id, server.token)
    world.signalling.tell(ServerChanged(moved))
    await settle()
    assert (world.presence.channel_id, len(world.connections), world.plays) == (OTHER, 1, True)


async def test_a_server_that_is_gone_is_asked_for_when_discord_names_no_other(world: World) -> None:
    world.signalling.tell(ServerGone())
    await world.clock.advance(NEXT_SERVER_SECONDS - 0.1)
    assert world.connection.closed
    assert world.signalling.asked == [MUSIC]
    await world.clock.advance(0.2)
    assert world.plays


async def test_a_channel_that_is_full_or_forbidden_by_now_is_given_up_at_once(world: World) -> None:
    world.signalling.refusal, world.signalling.lasting = "The channel is full.", True
    world.connection.breaks(4006)
    await settle()
    assert world.presence.trouble == "The channel is full."
    assert (world.presence.state, world.presence.channel_id) == (State.REFUSED, None)
    assert world.signalling.asked == [MUSIC, MUSIC, None]
    assert world.changes == 1


async def test_a_connection_that_stays_lost_is_told_of_pursued_and_given_up_in_the_end(world: World) -> None:
    world.signalling.refusal = "I have lost my connection to Discord."
    world.connection.breaks(4006)
    await world.clock.advance(TELL_SECONDS - 0.1)
    assert world.told == []
    await world.clock.advance(0.2)
    assert world.told == ["I have lost my connection to Discord. I keep trying to come back."]
    await world.clock.advance(PURSUE_SECONDS + 20)
    assert len(world.told) == 1
    assert world.presence.trouble == "I have lost my connection to Discord."
    assert world.presence.state is State.REFUSED
    assert world.signalling.asked[-1] is None


async def test_what_cannot_be_mended_is_given_up_at_once(world: World) -> None:
    world.connection.breaks(4017)
    await settle()
    assert "end-to-end encryption" in (world.presence.trouble or "")
    assert world.signalling.asked == [MUSIC, None]


async def test_a_connection_that_keeps_failing_with_4006_is_not_hammered(world: World) -> None:
    world.failing = [after_close(4006)] * 3
    world.connection.breaks(4006)
    await settle()
    assert len(world.connections) == 2, "the first attempt is made at once"
    await world.clock.advance(30)
    assert len(world.connections) == 5
    assert world.plays


@pytest.mark.parametrize("code", [4006, 4015])
async def test_a_connection_that_comes_up_and_breaks_again_and_again_is_not_hammered_either(
    world: World, code: int
) -> None:
    """discord.py #10207: each attempt succeeds, so that one counting failures starts anew each time."""
    for _ in range(8):
        await world.clock.advance(8)
        world.connection.breaks(code)
    await settle()
    attempts = len(world.connections) + sum(connection.resumed for connection in world.connections)
    assert attempts <= 9
    assert world.presence.state is State.REFUSED


async def test_a_connection_that_was_steady_is_mended_at_once(world: World) -> None:
    for _ in range(20):
        await world.clock.advance(STEADY_SECONDS + 1)
        world.connection.breaks(4006)
        await settle()
        assert world.plays
    assert world.told == []


async def test_a_new_gateway_session_asks_for_the_channel_again_so_that_a_kick_can_be_told(world: World) -> None:
    world.signalling.tell(SessionRenewed())
    await settle()
    assert world.signalling.asked == [MUSIC, MUSIC]
    assert world.plays
    world.signalling.tell(Kicked())
    await world.clock.advance(60)
    assert world.presence.kicked
    assert world.signalling.asked == [MUSIC, MUSIC]


async def test_a_connection_that_is_up_and_carries_nothing_is_made_anew(world: World) -> None:
    world.presence.reconnect()
    await settle()
    assert len(world.connections) == 2
    assert world.plays


async def test_leaving_ends_the_mending(world: World) -> None:
    world.connection.breaks(4014)
    await settle()
    await world.presence.leave()
    await world.clock.advance(60)
    assert world.signalling.asked == [MUSIC, None]
    assert world.presence.channel_id is None


async def test_closing_tells_discord_nothing(world: World) -> None:
    await world.presence.close()
    assert world.connection.closed
    assert world.signalling.asked == [MUSIC]
    assert world.signalling.subscribers == []
