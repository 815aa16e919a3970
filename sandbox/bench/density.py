"""How many streams a stand holds under a quota.

Streams are started without it, and then it is set: what is judged is playing, not starting. A run holds if 99.9 % of
the slots are served in time; a number of streams holds if the median of the runs does.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import Self

from sandbox.bench.punctuality import Punctuality
from sandbox.bench.quota import Quota
from sandbox.bench.room import Room
from sandbox.bench.search import confirmed, largest
from sandbox.bench.stand import Stand

SHARE = 0.999


@dataclass(frozen=True)
class Held:
    """Streams of which 99.9 % of the frames were in time, by what counts as in time."""

    within_20_ms: int
    within_10_ms: int


class Density:
    """Raises ``NoQuota`` when entered, where the machine lets nobody set one."""

    def __init__(self, room: Room, stand: Stand, runs: int, window_seconds: float) -> None:
        self._room = room
        self._stand = stand
        self._runs = runs
        self._window_seconds = window_seconds
        self._quota: Quota | None = None
        self._seen: dict[tuple[float, int], list[Punctuality]] = {}

    def __enter__(self) -> Self:
        self._quota = Quota(self._stand.name)
        self._quota.take(self._stand.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._quota is not None
        self._quota.allow(None)

    async def held(self, cores: float, *, start: int, most: int) -> Held:
        """Under ``cores`` of a core."""

        async def once_20(streams: int) -> bool:
            return (await self._runs_of(cores, streams, 1))[0].within_20_ms >= SHARE

        async def median_20(streams: int) -> bool:
            runs = await self._runs_of(cores, streams, self._runs)
            return median(run.within_20_ms for run in runs) >= SHARE

        async def median_10(streams: int) -> bool:
            runs = await self._runs_of(cores, streams, self._runs)
            return median(run.within_10_ms for run in runs) >= SHARE

        candidate = await largest(once_20, start=start, most=most)
        within_20 = await confirmed(median_20, candidate)
        within_10 = await confirmed(median_10, within_20, step=0.1) if within_20 else 0
        return Held(within_20, within_10)

    async def _runs_of(self, cores: float, streams: int, runs: int) -> list[Punctuality]:
        """At least so many, those of before included."""
        assert self._quota is not None
        seen = self._seen.setdefault((cores, streams), [])
        if len(seen) < runs:
            await self._stand.ask("play", streams=streams)
        while len(seen) < runs:
            self._quota.allow(cores)
            try:
                window = await self._room.window(self._stand, streams, self._window_seconds)
            finally:
                self._quota.allow(None)
            seen.append(window.punctuality)
        return seen
