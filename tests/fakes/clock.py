"""A clock that the test owns: it stands still until it is told to go on."""

from __future__ import annotations

import asyncio
import heapq
import itertools

SETTLE_ROUNDS = 50
"""How often the event loop is run through between two moments at most, so that all that follows from one is done."""
IDLE_ROUNDS = 3
"""After so many in which nothing else was to be run, nothing follows."""


async def settle() -> None:
    """Let everything that can run without time passing run."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # there is no other way to ask
    idle = 0
    for _ in range(SETTLE_ROUNDS):
        await asyncio.sleep(0)
        idle = 0 if ready else idle + 1
        if idle == IDLE_ROUNDS:
            return


class FakeClock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 1_000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        waker = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), waker))
        await waker

    def freeze(self, seconds: float) -> None:
        """Let time pass in which nothing of this process runs: a stop-the-world pause."""
        self._now += seconds
        self._monotonic += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking each sleeper at its moment."""
        end = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, waker = heapq.heappop(self._sleepers)
            self.freeze(max(due - self._monotonic, 0.0))
            if not waker.done():
                waker.set_result(None)
            await settle()
        self.freeze(end - self._monotonic)
        await settle()
