"""One stream is at work at a time, and memory shared with the worker says which.

When the process dies, the worker reads there whom it was working for. When it computes without end, the worker sees
that the count of steps stands still: FFmpeg cannot be interrupted, so the process is killed.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from timmybot.adapters.sources.media_mark import MARK


class Work:
    """The right to compute. ``memory`` is shared with the worker; ``rest`` waits until there is CPU to be used."""

    def __init__(self, memory: mmap.mmap, rest: Callable[[], None] = lambda: None) -> None:
        self._memory = memory
        self._rest = rest
        self._lock = threading.Lock()
        self._steps = 0

    @contextmanager
    def of(self, stream: int) -> Iterator[None]:
        """Compute for ``stream``, whose number is not 0."""
        with self._lock:
            self._rest()
            self._mark(stream)
            try:
                yield
            finally:
                self._mark(0)

    @contextmanager
    def paused(self, stream: int) -> Iterator[None]:
        """Inside :meth:`of`: let others compute while ``stream`` waits."""
        self._mark(0)
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._mark(stream)

    def got_on(self, stream: int) -> None:
        """Say that ``stream`` computes for an end: a frame or a packet came of it."""
        self._rest()
        self._mark(stream)

    def _mark(self, stream: int) -> None:
        self._steps = self._steps + 1 & 0xFFFFFFFF
        MARK.pack_into(self._memory, 0, stream, self._steps)
