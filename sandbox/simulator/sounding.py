"""Whether what sounded was what the guild had chosen: how loud, how fast, through which filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.simulator.record import Commit, Segment
from timmybot.domain.guild_settings import NOTHING_CHOSEN
from timmybot.domain.sound import Sound


@dataclass(frozen=True)
class Unlike:
    """A stretch that sounded otherwise than was chosen."""

    start: float
    end: float
    segment: Segment
    chosen: Sound


def unlike_what_was_chosen(commits: Sequence[Commit], heard: Sequence[Segment], until: float) -> Iterator[Unlike]:
    """``commits`` and what was ``heard`` are of one guild. No track here has a loudness to be brought to another."""
    for start, end, chosen in _choices(commits, until):
        for segment in heard:
            if segment.sound != chosen and segment.start < end and segment.end > start:
                yield Unlike(max(start, segment.start), min(end, segment.end), segment, chosen)


def _choices(commits: Sequence[Commit], until: float) -> Iterator[tuple[float, float, Sound]]:
    """From when to when the guild wanted its tracks to sound how."""
    chosen, since = NOTHING_CHOSEN.sound(None), 0.0
    for commit in commits:
        after = commit.after.settings.sound(None)
        if after != chosen:
            yield since, commit.at, chosen
            chosen, since = after, commit.at
    yield since, until, chosen
