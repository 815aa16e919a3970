"""The buffer between decoding and the pacing thread."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from threading import Lock

from timmybot.adapters.sources.filling import FillingThreads
from timmybot.ports.track_source import Gap, TrackError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Marks:
    """How full a buffer is kept, in frames of 20 ms."""

    high: int = 250
    """Filling stops here: 5 seconds, the hiccup of a server that nobody shall hear."""
    low: int = 200
    """Filling starts again here: once a second rather than at every frame."""
    step: int = 25
    """Frames that one step fills before others have their turn: about 6 ms of encoding."""
    stall_seconds: float = 15.0
    """How long an empty buffer may stay empty before the track is given up."""


class BufferedStream:
    """Implements :class:`timmybot.ports.track_source.FrameStream` over a generator of packets.

    The generator runs on the filling threads only, one step at a time and never two at once; it may wait and raise
    :class:`TrackError`. ``abort`` is called, from any thread, to have it stop waiting.
    """

    def __init__(
        self,
        packets: Generator[bytes, None, None],
        threads: FillingThreads,
        *,
        abort: Callable[[], None],
        marks: Marks | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._packets = packets
        self._threads = threads
        self._abort = abort
        self._marks = marks or Marks()
        self._monotonic = monotonic
        self._buffer: deque[bytes] = deque()
        self._failure: TrackError | None = None
        self._ended = False
        self._closed = False
        self._let_go = False
        self._scheduled = False
        self._guard = Lock()  # around ``_scheduled`` alone, for less than a microsecond
        self._starving_since: float | None = None
        self._schedule()

    @property
    def failure(self) -> TrackError | None:
        return self._failure

    def read(self) -> bytes | Gap:
        ended = self._ended  # before the buffer is looked at: what comes before the end is in it by then
        try:
            packet = self._buffer.popleft()
        except IndexError:
            return Gap.END if ended else self._starve()
        self._starving_since = None
        if not ended and not self._scheduled and len(self._buffer) <= self._marks.low:
            self._schedule()
        return packet

    def close(self) -> None:
        self._closed = True
        self._ended = True
        self._buffer.clear()
        self._abort()
        self._schedule()  # what the generator holds is let go where it is used: on a filling thread

    def _starve(self) -> Gap:
        now = self._monotonic()
        if self._starving_since is None:
            self._starving_since = now
        elif now - self._starving_since > self._marks.stall_seconds and not self._ended:
            self._failure = TrackError("The server at that address stopped sending. Try again later.")
            self._ended = True
            self._abort()
        return Gap.NOT_YET

    def _schedule(self) -> None:
        with self._guard:
            if self._scheduled:
                return
            self._scheduled = True
        self._threads.submit(self._step)

    def _step(self) -> None:
        self._fill()
        if self._closed or self._ended:
            self._release()
        with self._guard:
            # Looked at under the guard, so that a close or a read from now on schedules the next step itself.
            again = self._scheduled = self._wants_a_step()
        if again:
            self._threads.submit(self._step)

    def _wants_a_step(self) -> bool:
        if self._closed or self._ended:
            return not self._let_go
        return len(self._buffer) < self._marks.high

    def _fill(self) -> None:
        try:
            for _ in range(self._marks.step):
                if self._ended or len(self._buffer) >= self._marks.high:
                    return
                self._buffer.append(next(self._packets))
        except StopIteration:
            self._ended = True
        except TrackError as error:
            self._end_with(error)
        except Exception:
            _log.exception("reading a track failed")
            self._end_with(TrackError("Something went wrong while I was reading that track. Try again later."))

    def _end_with(self, failure: TrackError) -> None:
        if not self._ended:
            self._failure = failure
        self._ended = True

    def _release(self) -> None:
        if self._let_go:
            return
        self._let_go = True
        try:
            self._packets.close()
        except Exception:
            _log.exception("closing a track failed")
        if self._closed:
            self._buffer.clear()  # a frame may have come in between
