"""How much work an encoder may spend on a frame: full complexity while there is CPU, less under load.

Children work for one stream at a time, so what a frame is waited for tells how long the line is. A frame lasts 20 ms:
once frames are waited for that long, buffers run dry.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

COMPLEXITIES: Final = (10, 5, 3, 0)
"""Of libopus. Its encoder alone takes 143, 96, 78 and 59 us a frame (measured on one machine)."""
SLOW_SECONDS: Final = 0.008
"""Waited for a frame on average: from there on less is spent on each."""
QUICK_SECONDS: Final = 0.003
"""Below, more may be spent, once that has lasted."""
SETTLE_SECONDS: Final = 2.0
"""How long a change is given to show before another."""
CALM_SECONDS: Final = 30.0
"""How long frames have to come quickly. Doubled each time that more turned out to be too much."""
_LONGEST_CALM_SECONDS: Final = 600.0
_WEIGHT: Final = 0.1


class Load:
    """One for all streams. From any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._level = 0
        self._average = 0.0
        self._changed_at = self._quick_since = monotonic()
        self._calm_seconds = CALM_SECONDS
        self._raised_at: float | None = None

    @property
    def complexity(self) -> int:
        return COMPLEXITIES[self._level]

    def note(self, seconds_a_frame: float) -> None:
        """Frames were waited for so long, each."""
        now = self._monotonic()
        with self._lock:
            self._average += _WEIGHT * (min(seconds_a_frame, 4 * SLOW_SECONDS) - self._average)
            if self._average > QUICK_SECONDS:
                self._quick_since = now
            if now - self._changed_at < SETTLE_SECONDS:
                return
            if self._average > SLOW_SECONDS and self._level < len(COMPLEXITIES) - 1:
                self._lower(now)
            elif self._level and now - self._quick_since >= self._calm_seconds:
                self._level -= 1
                self._changed_at = self._raised_at = self._quick_since = now

    def _lower(self, now: float) -> None:
        if self._raised_at is not None and now - self._raised_at < self._calm_seconds:
            self._calm_seconds = min(2 * self._calm_seconds, _LONGEST_CALM_SECONDS)
        self._level += 1
        self._changed_at, self._average = now, 0.0
