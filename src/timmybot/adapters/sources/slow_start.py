"""Processes begin some milliseconds at a time, where the system gives a quota of CPU and others are to have of it.

A media child takes 0.2 s of CPU to begin. Taken at once, that uses a small quota up, and the kernel stops the whole
container until the next period, pacing included (:mod:`~timmybot.adapters.sources.cpu_quota`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final, Protocol

PERIOD_SECONDS: Final = 0.1
TURN_SECONDS: Final = 0.001
"""1 % of a core, more where the system wakes up late: less than what the quota leaves beside
:data:`~timmybot.adapters.sources.cpu_quota.SHARE`."""

AWAITED_TURN_SECONDS: Final = 0.015
"""For one that a stream waits for, whose buffer lasts some seconds: those who make frames are content with less."""


class Beginner(Protocol):
    stands_still: bool

    def stand_still(self) -> None:
        """Have it take no CPU until :meth:`go_on`."""

    def go_on(self) -> None: ...


class SlowStart:
    """Used by one thread."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._turn_at = float("-inf")

    def seconds_to_turn(self) -> float:
        return max(0.0, self._turn_at + PERIOD_SECONDS - self._monotonic())

    def let_run(self, beginners: Collection[Beginner], turn_seconds: float = TURN_SECONDS) -> None:
        """Give them their turn if it is time, however often this is called; between turns they stand still."""
        for each in beginners:
            if not each.stands_still:
                each.stand_still()
        if not beginners or self.seconds_to_turn() > 0:
            return
        for each in beginners:
            each.go_on()
        self._sleep(turn_seconds)
        for each in beginners:
            each.stand_still()
        self._turn_at = self._monotonic()
