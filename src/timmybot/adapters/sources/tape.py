"""The packets of a file, of which the last few seconds can be gone back to.

What is buffered for the pacing thread is encoded already; to change how it sounds, it is made anew from its packets,
which are kept as long as what was made of them may be waiting to be heard. That costs the memory of some seconds of
compressed sound, and no second connection.

Packets come, are kept and go on in runs: what is passed through comes a hundred at a time, and is not touched singly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

P = TypeVar("P")

PREROLL_MS = 300
"""How much before a place decoding begins. MP3's bit reservoir reaches back over several frames, Opus wants 80 ms
(RFC 7845, section 4.6)."""

MOST_BYTES = 1_500_000
"""What is kept at most, however large the packets: at 2 MB/s, uncompressed sound, under a second. (Or one run.)"""


class Tape(Generic[P]):
    """``source`` gives runs, not empty, of pairs of a time in milliseconds and a packet, whose size ``bytes_of`` tells.
    One reader at a time: the last one to begin."""

    def __init__(
        self,
        source: Iterator[Sequence[tuple[float, P]]],
        keep_ms: float,
        bytes_of: Callable[[P], int],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._bytes_of = bytes_of
        self._most_bytes = most_bytes
        self.keep_ms = keep_ms
        """How far back the newest packet it can be gone. May be changed for what comes."""
        self._source = source
        self._kept: deque[tuple[Sequence[tuple[float, P]], int]] = deque()
        """Runs, and how many bytes each has."""
        self._bytes = 0
        self._dropped = 0
        """How many runs are gone for good: the number of the first that is kept."""
        self._failure: Exception | None = None

    @property
    def begins_ms(self) -> float:
        """The earliest place that can be gone to and sounds right."""
        if not self._dropped or not self._kept:
            return 0.0
        return self._kept[0][0][0][0] + PREROLL_MS

    def pieces(self, position_ms: float) -> Iterator[tuple[float, P]]:
        """Packets and their times from shortly before ``position_ms`` on, and the one before these, in which that place
        may lie: a packet of a lossless codec is a second long.

        Raises what the source raises.
        """
        begin_ms = position_ms - PREROLL_MS
        before: tuple[float, P] | None = None
        begun = False
        for run in self._runs(self._number(begin_ms) - 1):
            if begun:
                yield from run
                continue
            for time_ms, packet in run:
                if not begun and time_ms < begin_ms:
                    before = time_ms, packet
                    continue
                if not begun and before is not None and time_ms > begin_ms:
                    yield before
                begun = True
                yield time_ms, packet
        if not begun and before is not None:
            yield before

    def runs(self, begin_ms: float) -> Iterator[Sequence[tuple[float, P]]]:
        """Packets and their times from ``begin_ms`` on. Raises what the source raises."""
        for run in self._runs(self._number(begin_ms)):
            if run[0][0] >= begin_ms:
                yield run
            elif late := [piece for piece in run if piece[0] >= begin_ms]:
                yield late

    def _runs(self, number: int) -> Iterator[Sequence[tuple[float, P]]]:
        """From the run of that number on, or from the first that is kept."""
        while True:
            place = max(number - self._dropped, 0)
            if place < len(self._kept):
                run = self._kept[place][0]
                number = self._dropped + place + 1
            else:
                try:
                    run = self._next()
                except StopIteration:
                    return
                number = self._dropped + len(self._kept)
            yield run

    def _number(self, time_ms: float) -> int:
        for number, (run, _) in enumerate(self._kept):
            if run[-1][0] >= time_ms:
                return self._dropped + number
        return self._dropped + len(self._kept)

    def _next(self) -> Sequence[tuple[float, P]]:
        """The next run of the source, kept."""
        if self._failure is not None:
            raise self._failure
        try:
            run = next(self._source)
        except StopIteration:
            raise
        except Exception as failure:
            self._failure = failure  # a generator that raised is over: whoever reads on shall know why
            raise
        size = sum(map(self._bytes_of, [packet for _, packet in run]))
        kept = self._kept
        kept.append((run, size))
        self._bytes += size
        oldest_ms = run[-1][0] - self.keep_ms
        while (kept[0][0][-1][0] < oldest_ms or self._bytes > self._most_bytes) and len(kept) > 1:
            self._bytes -= kept.popleft()[1]
            self._dropped += 1
        return run
