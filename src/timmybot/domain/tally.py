"""How many entries there are, and how long they last together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from timmybot.domain.track import Entry


@dataclass(frozen=True)
class Tally:
    """A count of entries with their total time, kept up to date without reading them again."""

    count: int = 0
    known_ms: int = 0
    """How long those last together whose length is known."""
    unknown: int = 0
    """How many of them are of unknown length."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        lengths = [entry.track.duration_ms for entry in entries]
        known = [length for length in lengths if length is not None]
        return cls(len(lengths), sum(known), len(lengths) - len(known))

    def plus(self, other: Tally) -> Self:
        return type(self)(self.count + other.count, self.known_ms + other.known_ms, self.unknown + other.unknown)

    def less(self, other: Tally) -> Self:
        """What is left without ``other``. Where nothing is left, no time is left either: drift ends here."""
        count = max(self.count - other.count, 0)
        if not count:
            return type(self)()
        unknown = min(max(self.unknown - other.unknown, 0), count)
        return type(self)(count, max(self.known_ms - other.known_ms, 0), unknown)


NOTHING = Tally()
