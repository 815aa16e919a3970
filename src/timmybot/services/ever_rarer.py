"""What may help, and costs others something, is done at once, and then ever more rarely."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from timmybot.ports.clock import Clock

FIRST_PAUSE_SECONDS: Final = 15.0
LONGEST_PAUSE_SECONDS: Final = 3_600.0


class EverRarer:
    """The pauses double from time to time, and begin anew after an hour without."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._done: dict[Hashable, tuple[float, float]] = {}
        """When each was last done, in monotonic seconds, and how long a pause follows."""

    def is_time(self, what: Hashable) -> bool:
        """Whether to do it now; it is taken to be done then."""
        now = self._clock.monotonic()
        last, pause = self._done.get(what, (float("-inf"), 0.0))
        if now - last < pause:
            return False
        forgotten = now - last > LONGEST_PAUSE_SECONDS
        following = FIRST_PAUSE_SECONDS if forgotten else min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._done[what] = now, following
        return True

    def came_to_nothing(self, what: Hashable) -> None:
        """What was to be done when it was time could not be begun: it is time again, and no later pause is longer."""
        last, pause = self._done.pop(what)
        if pause > FIRST_PAUSE_SECONDS:
            self._done[what] = last - pause, pause / 2
