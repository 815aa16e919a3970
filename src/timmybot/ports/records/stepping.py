"""Walking a stored queue item by item, as every store does it."""

from __future__ import annotations

from timmybot.domain.step import Step
from timmybot.domain.tally import NOTHING, Tally
from timmybot.domain.track import Entry
from timmybot.ports.records.fields import Record
from timmybot.ports.records.guild import tally_of_unreadable


class Walk:
    """Counts what is passed on the way to an entry some readable entries away."""

    def __init__(self, by: int) -> None:
        self._left = abs(by)
        self._passed = NOTHING

    def meet(self, entry: Entry | None, record: Record) -> Step | None:
        """Take the next item, in order; ``entry`` is ``None`` if ``record`` cannot be understood.

        Returns the step once it is made.
        """
        if entry is not None:
            self._left -= 1
            if not self._left:
                return Step(entry, self._passed)
        self._passed = self._passed.plus(Tally.of([entry]) if entry else tally_of_unreadable(record))
        return None

    def give_up(self) -> Step:
        """There is nothing more to meet."""
        return Step(None, self._passed)
