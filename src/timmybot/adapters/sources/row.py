"""Packets in a row: where each stands in what is heard, whatever time its file gives it.

Whoever listens counts frames, and what is made anew is looked up by that count. The times in a file part from it: a
station begins at 0 again with every song, as does each of the songs that a file may hold one behind the other (Ogg
calls it chaining: RFC 3533, section 4); and packets are missing where nobody spoke or something was lost. So packets
are counted, and their times only tell where they jump.

A jump ahead is a hole. In a file it is filled with silence, so that a place counted is the place that the file itself
means by it, which is where a seek goes. Any other jump, and a jump too far, is another clock. Of what is not Opus, a
hole is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from timmybot.adapters.sources.packets import SILENCE, are_frames, duration_ms
from timmybot.ports.track_source import FRAME_MS

HOLE_MS: Final = 100.0
"""What is shorter is how a clock ran that was read when the sound was recorded."""

LONGEST_HOLE_MS: Final = 10_000.0
"""Nobody waits for longer to hear whether something comes; and a file may say anything."""

RUN_FRAMES: Final = 100
"""Handed on at a time, however small the packets are: what is kept for going back has to hold a run more than a full
buffer does."""

Timed = tuple[int, bytes]
Placed = tuple[float, bytes]


class Row:
    """Opus packets, in the order in which they are heard."""

    def __init__(self, place_ms: float, time: int, unit_ms: float, *, fills_holes: bool) -> None:
        """The first packet stands at ``place_ms`` and has the time ``time`` in its file, in units of ``unit_ms``."""
        self._place_ms: float = round(place_ms / FRAME_MS) * FRAME_MS
        """Where the next packet stands: on a frame, whatever pre-skip or rounding the container has."""
        self._due: float = time
        """The time that the next packet has if nothing is missing."""
        self._unit_ms = unit_ms
        self._longest_hole_ms = LONGEST_HOLE_MS if fills_holes else 0.0

    def shift(self, units: int) -> None:
        """Take times from here on that are so much larger."""
        self._due += units

    def placed(self, run: Sequence[Timed]) -> Iterator[Sequence[Placed]]:
        """``run``, which has packets, with the places of these in milliseconds for their times."""
        packets = [data for _, data in run]
        last_ms = (len(run) - 1) * FRAME_MS
        late_ms = (run[-1][0] - self._due) * self._unit_ms - last_ms
        if not -HOLE_MS < late_ms < HOLE_MS or not are_frames(packets):
            yield from self._placed_singly(run)
            return
        begin_ms = self._place_ms
        self._place_ms += last_ms + FRAME_MS
        self._due = run[-1][0] + FRAME_MS / self._unit_ms
        yield list(zip(count(begin_ms, FRAME_MS), packets))

    def _placed_singly(self, run: Sequence[Timed]) -> Iterator[Sequence[Placed]]:
        row: list[Placed] = []
        for time, data in run:
            missing = self._missing_frames(time)
            if missing:
                if row:
                    yield row
                row = []
                yield from self._silence(missing)
            length_ms = duration_ms(data)
            row.append((self._place_ms, data))
            self._place_ms += length_ms
            self._due = time + length_ms / self._unit_ms
        yield row

    def _missing_frames(self, time: int) -> int:
        hole_ms = (time - self._due) * self._unit_ms
        return round(hole_ms / FRAME_MS) if HOLE_MS <= hole_ms <= self._longest_hole_ms else 0

    def _silence(self, frames: int) -> Iterator[Sequence[Placed]]:
        while frames:
            length = min(frames, RUN_FRAMES)
            begin_ms = self._place_ms
            self._place_ms += length * FRAME_MS
            frames -= length
            yield [(begin_ms + number * FRAME_MS, SILENCE) for number in range(length)]
