"""How many streams a stand holds under a quota.

Streams are started without it, and then it is set: what is judged is playing, not starting. A run holds if 99.9 % of
the slots are served in time; a number of streams holds if the median of the runs does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sandbox.bench.punctuality import Punctuality
from sandbox.bench.quota import Quota
from sandbox.bench.room import Room
from sandbox.bench.search import confirmed, largest
from sandbox.bench.stand import Stand

SHARE = 0.999
GRAIN = 0.08
"""How close the search comes, as a share of what it finds; it errs downwards."""
COARSE_STEP = 0.15


@dataclass(frozen=True)
class Held:
    """Streams of which 99.9 % of the frames were in time, by what counts as in time."""

    within_20_ms: int
    within_10_ms: int


class Density:
    """Runs ``stand`` in ``quota`` with more and fewer streams. Runs are ``window_seconds`` long, and begin
    ``settle_seconds`` after the quota is set.

    ``lasts`` says after a run whether it could have gone on like that: else a run may live on what was buffered before.
    ``ready`` is told to the stand whenever it is a new process.
    """

    def __init__(
        self,
        room: Room,
        stand: Stand,
        quota: Quota,
        *,
        runs: int,
        window_seconds: float,
        settle_seconds: float = 0.0,
        lasts: Callable[[Stand], Awaitable[bool]] | None = None,
        ready: Callable[[Stand], Awaitable[None]] | None = None,
    ) -> None:
        self._room = room
        self._stand = stand
        self._quota = quota
        self._runs = runs
        self._window_seconds = window_seconds
        self._settle_seconds = settle_seconds
        self._lasts = lasts
        self._ready = ready
        self._seen: dict[tuple[float, int], list[Punctuality]] = {}
        self._players = 0
        """So many the stand has made."""

    async def held(self, cores: float, *, start: int, most: int) -> Held:
        """Under ``cores`` of a core."""

        async def once(streams: int) -> bool:
            """Or at the second try: a hiccup of the machine must not lead the search astray."""
            for runs in (1, 2):
                if any(run.within_20_ms >= SHARE for run in await self._at_least(runs, cores, streams)):
                    return True
            return False

        async def in_20_ms(streams: int) -> bool:
            return await self._median_holds(cores, streams, lambda run: run.within_20_ms)

        async def in_10_ms(streams: int) -> bool:
            return await self._median_holds(cores, streams, lambda run: run.within_10_ms)

        within_20 = await confirmed(in_20_ms, await largest(once, start=start, most=most, grain=GRAIN))
        within_10 = await confirmed(in_10_ms, within_20, step=COARSE_STEP)
        return Held(within_20, within_10)

    async def _median_holds(self, cores: float, streams: int, share: Callable[[Punctuality], float]) -> bool:
        """Whether the median of all runs holds; runs that can no longer change that are not made."""
        for runs in range(1, self._runs + 1):
            held = [share(run) >= SHARE for run in await self._at_least(runs, cores, streams)]
            for verdict in (True, False):
                if held.count(verdict) * 2 > self._runs:
                    return verdict
        raise AssertionError("an even number of runs has no majority")

    async def _at_least(self, runs: int, cores: float, streams: int) -> list[Punctuality]:
        """So many runs, those that were made before included."""
        seen = self._seen.setdefault((cores, streams), [])
        if len(seen) < runs:
            await self._play(streams)
        while len(seen) < runs:
            self._quota.allow(cores)
            try:
                await asyncio.sleep(self._settle_seconds)
                judged = (await self._room.window(self._stand, streams, self._window_seconds)).punctuality
                if self._lasts is not None and not await self._lasts(self._stand):
                    judged = replace(judged, within_20_ms=0.0, within_10_ms=0.0)
            finally:
                self._quota.allow(None)
            seen.append(judged)
            print(f" {streams}:{judged.within_20_ms:.2%}", end="", flush=True)
        return seen

    async def _play(self, streams: int) -> None:
        """In a process that never had more players: what is left of them costs some senders their punctuality.

        All are stopped first, so that none still catches up with the last run.
        """
        if streams < self._players:
            await self._stand.restart()
            self._players = 0
        if self._players == 0:
            self._quota.take(self._stand.pid)
            if self._ready is not None:
                await self._ready(self._stand)
        await self._stand.ask("play", streams=0)
        await self._stand.ask("play", streams=streams)
        self._players = streams
