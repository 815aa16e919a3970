"""What a file may cost without sound coming of it.

FFmpeg's own limits do not hold for tags, pictures and indexes. But all that it reads comes through our fetcher, and all
sound that it finds through our demuxer: what lies between the two is bounded here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from timmybot.adapters.sources.refusal import Refusal, Refused

SILENT_BYTES = 24 * 1024**2
"""How much may be read between two packets of sound, or before the first. The index of a long MP4 takes 10 MB, a large
cover as much; FFmpeg keeps what it reads of them, up to three times over: this bounds what a file costs in memory."""

SILENT_CPU_SECONDS = 0.5
"""How long FFmpeg may compute without sound coming of it. The index of ten hours of MP4 takes 0.08 s. Tags are taken in
in quadratic time, and nine times as long as until here once more when they are read: 5 s in all."""

EARNED_CPU_SECONDS = 0.005
"""What a packet of sound gives back of that: a hundred times what FFmpeg takes for one, and a quarter of a core at most
for a file that has a little to compute before every packet."""


class Allowance:
    """One file's. ``thread_time`` is the CPU time of the calling thread, in seconds."""

    def __init__(self, thread_time: Callable[[], float] = time.thread_time, *, times: int = 1) -> None:
        """``times`` as many bytes may be read: of two who count, the one who knows the file shall notice first."""
        self._thread_time = thread_time
        self._times = times
        self._silent_bytes = 0
        self._row_limit: int | None = None
        self._row_bytes = self._row_end = 0
        self._cpu_left = SILENT_CPU_SECONDS
        self._cpu_from: tuple[int, float] | None = None
        """The thread that reads, and its clock then; ``None`` if it is not at work on this file."""
        self._has_read = False
        """Whether anything was read since the last packet."""

    def spend(self, size: int, end: int) -> None:
        """``size`` bytes were read, up to the place ``end`` of the file.

        Raises :class:`Refused` if that is too much, or too much was done with what was read before.
        """
        self._silent_bytes += size
        self._row_bytes = size + (self._row_bytes if end - size == self._row_end else 0)
        self._row_end = end
        self._charge()
        self.at_work()
        self._has_read = True
        long = self._row_limit is not None and self._row_bytes > self._row_limit
        if long or self._cpu_left < 0 or self._silent_bytes > self._times * SILENT_BYTES:
            raise Refused(Refusal.TOO_COSTLY)

    def earn(self) -> None:
        """A packet of sound came. Raises :class:`Refused` if it was computed over for too long."""
        self._charge()
        if self._has_read:
            self._has_read = False
            if self._cpu_left < 0:
                raise Refused(Refusal.TOO_COSTLY)
            self._cpu_left = min(self._cpu_left + EARNED_CPU_SECONDS, SILENT_CPU_SECONDS)
        self._silent_bytes = self._row_bytes = 0

    def at_work(self) -> None:
        """What this thread computes from here on, it computes over this file."""
        self._cpu_from = threading.get_ident(), self._thread_time()

    def off_work(self) -> None:
        """This thread works for others from here on."""
        self._charge()

    def in_a_row(self, most: int | None) -> None:
        """From here on allow ``most`` bytes to be read in a row without sound: ``None`` for any number."""
        self._row_limit, self._row_bytes = most, 0

    def _charge(self) -> None:
        """Take what was computed since the last read off what may be."""
        begun, self._cpu_from = self._cpu_from, None
        if begun is not None and begun[0] == threading.get_ident():
            self._cpu_left -= self._thread_time() - begun[1]
