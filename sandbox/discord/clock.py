"""Time comes in from outside, so that a test can let 15 minutes pass at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """What the fake Discord knows of time. All values are seconds."""

    def time(self) -> float:
        """Unix time: goes into ids, signatures and rate limit headers."""

    def monotonic(self) -> float:
        """Time for measuring and for deadlines; with the system clock the time base of packet arrivals too."""

    async def sleep(self, seconds: float) -> None:
        """Return when that much of this clock's time has passed."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, unix_time: float = 1_790_000_000.0) -> None:
        self._unix_at_zero = unix_time
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self._unix_at_zero + self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Move on, and wake whoever was due by then, in order. They run when the caller next awaits."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
