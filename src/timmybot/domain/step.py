"""A step along the queue: where it leads, and what it passes over."""

from __future__ import annotations

from dataclasses import dataclass

from timmybot.domain.tally import NOTHING, Tally
from timmybot.domain.track import Entry


@dataclass(frozen=True)
class Step:
    """From the head of a queue to another of its entries."""

    to: Entry | None
    """Where it leads; ``None`` if nothing readable is there."""
    passed: Tally = NOTHING
    """What lies between, **readable or not**: what is counted as waiting is what is stored behind the head, so whoever
    moves the head counts everything it passes."""
