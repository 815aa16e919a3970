"""Time, as something that is handed in, so that every test can own it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Unix time in seconds. It may jump: never compare it with another machine's to decide who owns what."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward, comparable within this process alone."""
        ...

    async def sleep(self, seconds: float) -> None: ...
