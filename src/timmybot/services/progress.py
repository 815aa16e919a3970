"""Whether this process gets on: the one notion of it that heartbeat and health check follow.

Both are written by the event loop, so a loop that stands still shows by itself. What runs beside the loop does not: the
thread that sends for all players may hang or be dead while the loop goes on beating, and every guild of this worker
would be silent under a lease that never ends.
"""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """``limit_seconds``: how long anything may stand still before this process is not one to rely on."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._followed: list[Callable[[], float]] = []

    def follow(self, stalled_seconds: Callable[[], float]) -> None:
        """Count on something that tells for how long it has been standing still with work to do."""
        self._followed.append(stalled_seconds)

    def is_made(self) -> bool:
        return all(stalled_seconds() < self._limit_seconds for stalled_seconds in self._followed)
