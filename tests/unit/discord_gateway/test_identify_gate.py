"""Discord resets the token of a bot that starts too many sessions: no worker comes near that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.stores import FakeIdentifyBudget
from tests.fakes.surroundings import FakeMetrics
from timmybot.adapters.discord_gateway.identify_gate import (
    ASK_AGAIN_SECONDS,
    STARTS_LEFT_ALONE,
    STARTS_LOW,
    IdentifyGate,
)
from timmybot.domain.ids import ShardId
from timmybot.ports.discord import DiscordError
from timmybot.ports.identify_budget import SessionStarts
from timmybot.ports.shard_sessions import GatewayRefused


@dataclass
class Day:
    """What ``GET /gateway/bot`` says of the day."""

    remaining: int = 1_000
    max_concurrency: int = 1
    reset_seconds: float = 20 * 3600.0
    silent: bool = False
    asked: int = 0

    async def __call__(self) -> SessionStarts:
        self.asked += 1
        if self.silent:
            raise DiscordError("Discord is down")
        return SessionStarts(self.remaining, self.reset_seconds, self.max_concurrency)


@dataclass
class Workers:
    """Some workers, each with a gate, before one Discord and one store."""

    day: Day = field(default_factory=Day)
    clock: FakeClock = field(default_factory=FakeClock)
    budget: FakeIdentifyBudget = field(default_factory=FakeIdentifyBudget)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    passed: list[tuple[float, int]] = field(default_factory=list)
    """After how many seconds which shard was let through."""

    def gate(self) -> IdentifyGate:
        return IdentifyGate(self.budget, self.clock, self.day, self.metrics)

    @asynccontextmanager
    async def at_the_gate(self, shards: Sequence[int]) -> AsyncIterator[None]:
        """Each shard is another worker's."""
        begun = self.clock.monotonic()

        async def pass_through(number: int) -> None:
            await self.gate().pass_through(ShardId(number))
            self.passed.append((self.clock.monotonic() - begun, number))

        tasks = [asyncio.create_task(pass_through(number)) for number in shards]
        await settle()
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SlowToAnswer(FakeIdentifyBudget):
    """A store whose first answer takes long, or comes to a process that stood still."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        wait = await super().reserve(shard_id, now, max_concurrency=max_concurrency)
        self._clock.freeze(self._seconds)
        self._seconds = 0.0
        return wait


async def test_a_place_that_was_long_in_coming_is_not_used_and_another_one_is_asked_for() -> None:
    workers = Workers()
    workers.budget = SlowToAnswer(workers.clock, seconds=2.0)
    async with workers.at_the_gate([0]):
        assert workers.passed == []
        await workers.clock.advance(3.0)
        assert [number for _, number in workers.passed] == [0]
        assert workers.passed[0][0] >= 5.0


async def test_one_shard_identifies_in_five_seconds_whoever_asks() -> None:
    workers = Workers()
    async with workers.at_the_gate(range(4)):
        await workers.clock.advance(60)
    assert [seconds for seconds, _ in workers.passed] == [0, 5, 10, 15]


async def test_with_more_buckets_as_many_identify_at_once() -> None:
    """A cold wake of sixteen shards takes as long as Discord's figure allows, and no longer."""
    workers = Workers(Day(max_concurrency=4))
    async with workers.at_the_gate(range(16)):
        await workers.clock.advance(60)
    moments = [seconds for seconds, _ in workers.passed]
    assert sorted(moments) == [0] * 4 + [5] * 4 + [10] * 4 + [15] * 4
    for moment in set(moments):
        buckets = [number % 4 for seconds, number in workers.passed if seconds == moment]
        assert sorted(buckets) == [0, 1, 2, 3]


async def test_where_discord_does_not_tell_one_bucket_is_assumed() -> None:
    workers = Workers(Day(max_concurrency=16, silent=True))
    async with workers.at_the_gate(range(2)):
        await workers.clock.advance(20)
    assert [seconds for seconds, _ in workers.passed] == [0, 5]


async def test_a_day_that_is_nearly_spent_is_left_alone_and_not_asked_after_all_the_time() -> None:
    workers = Workers(Day(remaining=STARTS_LEFT_ALONE))
    gate = workers.gate()
    with pytest.raises(GatewayRefused, match=r"10 more sessions today.*20\.0 hours"):
        await gate.pass_through(ShardId(0))
    for number in range(3):
        with pytest.raises(GatewayRefused):
            await gate.pass_through(ShardId(number))
    assert workers.day.asked == 1
    workers.day.remaining = 1_000
    workers.clock.freeze(ASK_AGAIN_SECONDS)
    await gate.pass_through(ShardId(0))


async def test_negative_control_a_gate_that_does_not_ask_spends_the_last_session_of_the_day() -> None:
    workers = Workers(Day(remaining=0))
    await IdentifyGate(workers.budget, workers.clock).pass_through(ShardId(0))


async def test_few_sessions_left_are_counted_before_they_are_none(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers(Day(remaining=STARTS_LOW - 1))
    await workers.gate().pass_through(ShardId(0))
    assert workers.metrics.last("SessionStartsLow") == 1
    assert "only 99 session starts are left" in caplog.text


async def test_a_gate_with_a_whole_day_before_it_says_nothing() -> None:
    workers = Workers()
    await workers.gate().pass_through(ShardId(0))
    assert workers.metrics.last("SessionStartsLow") is None
