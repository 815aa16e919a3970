"""A shard's connection, against a gateway of a few lines, on a clock that the test owns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.clock import FakeClock
from timmybot.adapters.discord_gateway.connection import ShardConnection
from timmybot.adapters.discord_gateway.identify_gate import IdentifyGate
from timmybot.adapters.discord_gateway.session import Session
from timmybot.domain.ids import ShardId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.discord import DiscordAway
from timmybot.ports.shard_sessions import GatewayRefused

BEAT_SECONDS = 40.0
STALE = GatewaySession("s0", "wss://gateway.invalid", 7)


class TinyGateway:
    """Says Hello, answers IDENTIFY and RESUME, acknowledges heartbeats if told to; the test says the rest."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self.closed: asyncio.Queue[int | None] = asyncio.Queue()
        self.acknowledges = True
        self.greets = True
        self.breaks_resumes = False
        self.connections: list[ServerConnection] = []

    async def serve(self, websocket: ServerConnection) -> None:
        self.connections.append(websocket)
        with suppress(ConnectionClosed):
            await self.say({"op": 10, "d": {"heartbeat_interval": BEAT_SECONDS * 1000}})
            async for message in websocket:
                await self._answer(json.loads(message))
        await self.closed.put(websocket.close_code)

    async def say(self, frame: dict[str, Any]) -> None:
        await self.connections[-1].send(json.dumps(frame))

    async def _answer(self, frame: dict[str, Any]) -> None:
        await self.heard.put((frame["op"], frame["d"]))
        if frame["op"] == 1 and self.acknowledges:
            await self.say({"op": 11})
        elif frame["op"] == 2 and self.greets:
            ready = {"session_id": "s1", "resume_gateway_url": "wss://evil.invalid", "user": {"id": "42"}}
            await self.say({"op": 0, "t": "READY", "s": 1, "d": ready})
        elif frame["op"] == 6 and self.breaks_resumes:
            self.connections[-1].transport.abort()
        elif frame["op"] == 6 and self.greets:
            await self.say({"op": 0, "t": "RESUMED", "s": 9, "d": {}})

    async def hears(self, op: int) -> Any:
        """The next frame, which must be an ``op``; its data."""
        async with asyncio.timeout(5):
            heard, data = await self.heard.get()
        assert heard == op
        return data


class Budget:
    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        return self.waits.pop(0) if self.waits else 0.0


class RecordingClock(FakeClock):
    """Remembers for how long it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


class Line:
    """A connection that runs, with its clock and the gateway at the other end."""

    def __init__(self, budget: Budget, resume: GatewaySession | None) -> None:
        self.gateway = TinyGateway()
        self.clock = RecordingClock()
        self.url = ""
        self.asked_for_url = 0
        self.session = Session("secret", ShardId(3), 16, resume)
        self.connection = ShardConnection(
            ShardId(3),
            self.session,
            gateway_url=self._url,
            gate=IdentifyGate(budget, self.clock),
            clock=self.clock,
            random=Random(1),
            heard=lambda event: None,
        )
        self.running: asyncio.Task[None] | None = None

    async def _url(self) -> str:
        self.asked_for_url += 1
        return self.url

    async def up(self) -> None:
        async with asyncio.timeout(5):
            await self.connection.up.wait()

    async def hears_in_time(self, op: int) -> Any:
        """What the gateway hears next, while time passes slowly."""
        never = asyncio.Event()
        async with asyncio.timeout(5):
            while self.gateway.heard.empty():
                with suppress(TimeoutError):
                    await asyncio.wait_for(never.wait(), 0.002)
                await self.clock.advance(0.05)
        return await self.gateway.hears(op)

    async def sleeps(self, sleepers: int = 1) -> None:
        """Wait until so many of the connection's parts wait for the clock."""
        await until(lambda: sum(not waker.done() for _, _, waker in self.clock._sleepers) >= sleepers)


async def until(holds: Callable[[], bool]) -> None:
    never = asyncio.Event()
    async with asyncio.timeout(5):
        while not holds():
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.002)


@asynccontextmanager
async def a_line(
    budget: Budget | None = None, resume: GatewaySession | None = None, *, greets: bool = True
) -> AsyncIterator[Line]:
    line = Line(budget or Budget(), resume)
    line.gateway.greets = greets
    async with serve(line.gateway.serve, "127.0.0.1", 0) as server:
        line.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        line.running = asyncio.create_task(line.connection.run())
        try:
            yield line
        finally:
            line.running.cancel()
            await asyncio.gather(line.running, return_exceptions=True)


async def test_it_identifies_when_the_budget_allows_and_not_before() -> None:
    async with a_line(Budget(3.0, 2.0)) as line:
        await line.sleeps(2)  # the heartbeat, and whoever waits for the budget
        await line.clock.advance(3.0)
        assert line.gateway.heard.empty()
        await line.sleeps(2)
        await line.clock.advance(2.0)
        assert (await line.gateway.hears(2))["token"] == "secret"
        await line.up()


async def test_the_first_heartbeat_is_jittered_and_the_next_ones_are_regular() -> None:
    async with a_line() as line:
        await line.gateway.hears(2)
        await line.up()
        first = Random(1).random() * BEAT_SECONDS
        await line.sleeps()
        await line.clock.advance(first - 0.01)
        assert line.gateway.heard.empty()
        await line.clock.advance(0.02)
        assert await line.gateway.hears(1) == 1
        await line.sleeps()
        await line.clock.advance(BEAT_SECONDS)
        await line.gateway.hears(1)


async def test_a_connection_whose_heartbeat_is_not_answered_is_left_resumably_and_resumed() -> None:
    async with a_line() as line:
        line.gateway.acknowledges = False
        await line.gateway.hears(2)
        await line.up()
        for _ in range(2):
            await line.sleeps()
            await line.clock.advance(BEAT_SECONDS)
        await line.gateway.hears(1)
        assert await line.gateway.closed.get() == 4000
        await line.sleeps()
        await line.clock.advance(1.0)
        assert await line.gateway.hears(6) == {"token": "secret", "session_id": "s1", "seq": 1}
        await line.up()


async def test_a_connection_whose_heartbeats_are_answered_stays() -> None:
    """The negative control of the test above."""
    async with a_line() as line:
        await line.gateway.hears(2)
        await line.up()
        for _ in range(3):
            await line.sleeps()
            await line.clock.advance(BEAT_SECONDS)
            await line.gateway.hears(1)
        assert len(line.gateway.connections) == 1


async def test_a_resume_url_that_is_not_discords_is_not_used() -> None:
    async with a_line(resume=STALE) as line:
        assert (await line.gateway.hears(6))["session_id"] == "s0"
        await line.up()


async def test_after_an_invalid_session_it_waits_as_discord_asks_and_identifies() -> None:
    async with a_line(resume=STALE, greets=False) as line:
        await line.gateway.hears(6)
        await line.gateway.say({"op": 9, "d": False})
        assert await line.gateway.closed.get() == 4000
        await line.sleeps()
        await line.clock.advance(0.99)
        assert len(line.gateway.connections) == 1
        await line.clock.advance(4.01)
        await line.gateway.hears(2)


async def test_a_resume_that_breaks_three_times_in_a_row_is_tried_no_more() -> None:
    async with a_line(resume=STALE) as line:
        line.gateway.breaks_resumes = True
        for _ in range(3):
            assert (await line.hears_in_time(6))["session_id"] == "s0"
        await line.hears_in_time(2)
        await line.up()


async def test_a_resume_that_breaks_twice_and_is_answered_then_costs_no_session() -> None:
    async with a_line(resume=STALE) as line:
        for _ in range(2):
            for breaks in (True, True, False):
                line.gateway.breaks_resumes = breaks
                await line.hears_in_time(6)
            await line.up()
            await line.gateway.connections[-1].close(4000)
        await line.hears_in_time(6)


async def test_closing_it_leaves_the_session_resumable() -> None:
    async with a_line() as line:
        await line.up()
        assert line.running
        line.running.cancel()
        assert await line.gateway.closed.get() == 4000
        assert line.session.resumable == GatewaySession("s1", "wss://evil.invalid", 1)


async def test_a_refusal_ends_it_with_what_to_do() -> None:
    async with a_line() as line:
        await line.up()
        await line.gateway.connections[-1].close(4014)
        assert line.running
        with pytest.raises(GatewayRefused, match="intent"):
            await line.running
        assert not line.connection.up.is_set()


async def test_a_gateway_that_is_not_there_is_asked_ever_less_often() -> None:
    line = Line(Budget(), None)
    line.url = "ws://127.0.0.1:1"
    running = asyncio.create_task(line.connection.run())
    for attempt in range(12):
        await until(lambda attempt=attempt: len(line.clock.slept) > attempt)  # type: ignore[misc]
        await line.clock.advance(60.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert line.asked_for_url >= 12
    assert line.clock.slept[0] <= 0.25
    assert 1.0 <= line.clock.slept[2] <= 2.0
    assert all(30.0 <= seconds <= 60.0 for seconds in line.clock.slept[9:])


async def test_where_the_whole_network_is_away_it_is_asked_every_few_seconds() -> None:
    line = Line(Budget(), None)

    async def unreached() -> str:
        raise DiscordAway("Discord could not be reached")

    line.connection._gateway_url = unreached
    running = asyncio.create_task(line.connection.run())
    for attempt in range(12):
        await until(lambda attempt=attempt: len(line.clock.slept) > attempt)  # type: ignore[misc]
        await line.clock.advance(60.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert all(2.5 <= seconds <= 5.0 for seconds in line.clock.slept[9:])


async def test_sends_beyond_the_minutes_limit_wait_and_heartbeats_do_not() -> None:
    async with a_line() as line:
        await line.gateway.hears(2)
        await line.up()
        await line.sleeps()
        sends = [asyncio.create_task(line.connection.send({"op": 4, "d": number})) for number in range(115)]
        await until(lambda: line.gateway.heard.qsize() == 109)  # 110 with the IDENTIFY
        await line.clock.advance(Random(1).random() * BEAT_SECONDS)
        await until(lambda: line.gateway.heard.qsize() == 110)
        await line.clock.advance(61.0)
        await asyncio.gather(*sends)


async def test_a_connection_that_carries_says_so_and_one_that_does_not_is_given_up_and_resumed() -> None:
    async with a_line() as line:
        await line.up()
        await line.gateway.hears(2)
        assert await line.connection.has_answered(5)
        await line.gateway.hears(1)
        line.gateway.acknowledges = False
        assert not await line.connection.has_answered(0.05)
        await line.gateway.hears(1)
        await line.sleeps()
        await line.clock.advance(1)
        assert (await line.gateway.hears(6))["session_id"] == "s1"
