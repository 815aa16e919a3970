"""The buffer between making frames and the pacing thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.frames import Frames
from timmybot.adapters.sources.patience import Patience
from timmybot.adapters.sources.ramp import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.stretch import Stretch, Wanted
from timmybot.ports.track_source import AS_IT_IS, FRAME_MS, Gap, Run, Sound, TrackError

_log = logging.getLogger(__name__)

TURN_FRAMES = 4
"""How far ahead of what is read now the sound changes: 80 ms, in which the first frames of the new sound are made."""

TURN_TRIES = 5
"""How often a change of sound is begun again at a later place, when the reader has gone past it."""

RETRY_SECONDS = 1.0
"""After how long frames are asked for again that were not there."""

_OUR_FAULT = "Something went wrong while I was reading that track. Try again later."


@dataclass(frozen=True)
class Marks:
    """How full a buffer is kept, in frames of 20 ms."""

    high: int = 250
    """Filling stops here, or a run later: 5 seconds, the hiccup of a server that nobody shall hear."""
    low: int = 200
    """Filling starts again here, or ``COMPANY_FRAMES`` later: once in two seconds rather than at every frame."""
    step: int = 25
    """Frames that one step fills before others have their turn: about 6 ms of encoding. What is passed through comes in
    longer runs, of which a step takes one."""
    stall_seconds: float = 15.0
    """How long the server may send nothing to an empty buffer before the track is given up."""
    reach_seconds: float = 120.0
    """How long an empty buffer may stay empty although the server sends: 160 MB from one that is 100 ms away."""


COMPANY_FRAMES = 10
"""For how long a stream that runs low waits for others to be filled in one go with it: 200 ms at most."""


class BufferedStream:
    """Implements :class:`timmybot.ports.track_source.FrameStream` over :class:`Frames`.

    A change of sound makes the frames anew from shortly ahead of the reader, while it goes on with the old ones, and
    hands them over as a second stretch: what the reader has of the old one ends there, whereupon it looks again and
    goes over. Neither waits for the other, but for the guard.
    """

    def __init__(
        self,
        source: Frames,
        threads: FillingThreads,
        *,
        position_ms: int = 0,
        sound: Sound = AS_IT_IS,
        marks: Marks | None = None,
        host: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._threads = threads
        self._host = host
        self._marks = marks or Marks()
        self._monotonic = monotonic
        self._wanted = Wanted(sound)
        start_ms = float(position_ms - position_ms % FRAME_MS)
        self._stretch = self._filled = Stretch(self._wanted, start_ms, 0)
        self._following: Stretch | None = None
        """Filled by the filler, taken by the reader."""
        self._frames = source.frames(start_ms, sound, None)
        self._failure: TrackError | None = None
        self._closed = False
        self._let_go = False
        self._scheduled = False
        self._guard = Lock()
        """Around ``_scheduled``, and around what frames there are and how many there were: for microseconds."""
        self._patience = Patience(self._marks.stall_seconds, self._marks.reach_seconds, monotonic)
        self._retry_at: float | None = None
        self._schedule()

    @property
    def failure(self) -> TrackError | None:
        return self._failure

    @property
    def position_ms(self) -> int:
        with self._guard:
            stretch = self._stretch
            return int(stretch.place_ms(stretch.taken))

    @property
    def buffered_ms(self) -> int:
        with self._guard:
            stretch, following = self._stretch, self._following
            return (len(stretch.frames) + (len(following.frames) if following else 0)) * FRAME_MS

    @property
    def live(self) -> bool:
        return self._source.live

    def run(self) -> Run | Gap:
        if self._following is not None:
            self._go_over()
        stretch = self._stretch
        ended = stretch.ended  # before the buffer is looked at: what comes before the end is in it by then
        left = len(stretch.frames)
        if not left:
            return self._run_dry(stretch, ended=ended)
        self._patience.empty_since = None
        if ended:
            return Run(stretch.frames.popleft, left)
        spare = left - self._marks.low
        if spare <= 0:
            self._run_low(left)
            spare = COMPANY_FRAMES if left > COMPANY_FRAMES else 1
        return Run(stretch.frames.popleft, spare)

    def set_sound(self, sound: Sound) -> None:
        self._want(Wanted(sound, self._wanted.faded))

    def fade_out(self) -> None:
        self._want(Wanted(self._wanted.sound, faded=True))

    def fade_in(self) -> None:
        self._want(Wanted(self._wanted.sound, faded=False))

    def close(self) -> None:
        self._closed = True
        with self._guard:
            self._stretch.ended = True
            self._stretch.end_at(0)
            self._following = None
        self._source.abort()
        self._schedule()  # what the source holds is let go where it is used: on a filling thread

    # The reader's

    def _go_over(self) -> None:
        """If the reader has come to where the following stretch begins."""
        with self._guard:
            following, late = self._following, 0
            if following is not None:
                late = self._stretch.taken - following.begins_at
            if following is None or late < 0:
                return
            while late > 0 and following.frames:
                following.frames.popleft()
                late -= 1
            self._stretch, self._following = following, None
        self._schedule()

    def _run_low(self, left: int) -> None:
        """Stand in line to be filled, and let others join before a thread is woken: that costs as much as filling."""
        if not self._scheduled:
            self._schedule_unless_retrying(patient=left >= COMPANY_FRAMES)
        elif left <= self._marks.low - COMPANY_FRAMES:
            self._threads.wake()

    def _run_dry(self, stretch: Stretch, *, ended: bool) -> Gap:
        if self._closed:
            return Gap.END
        if stretch.wanted.faded and ended:
            return Gap.FADED
        if ended:
            return Gap.END
        given_up = self._patience.over(self._source.received)
        if given_up is not None:
            self._failure = given_up
            stretch.ended = True
            self._source.abort()
        self._schedule_unless_retrying()
        return Gap.NOT_YET

    # Steps on the filling threads

    def _want(self, wanted: Wanted) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self._schedule()

    def _schedule_unless_retrying(self, *, patient: bool = False) -> None:
        if self._retry_at is None or self._monotonic() >= self._retry_at:
            self._retry_at = None
            self._schedule(patient=patient)

    def _schedule(self, *, patient: bool = False) -> None:
        with self._guard:
            in_line, self._scheduled = self._scheduled, True
        if not in_line:
            self._threads.submit(self._step, self._host, patient=patient)
        elif not patient:
            self._threads.hurry(self._step, self._host)

    def _step(self) -> None:
        try:
            if not self._closed and self._to_turn():
                self._turn(self._wanted)
            self._fill()
        except Exception:
            _log.exception("changing how a track sounds failed")
            self._wanted = self._filled.wanted  # else it would fail again at once, and for ever
            self._end_with(self._filled, TrackError(_OUR_FAULT))
        finally:
            if self._closed:
                self._release()
            with self._guard:
                # Looked at under the guard, so that a close or a read from now on schedules the next step itself.
                again = self._scheduled = self._wants_a_step()
            if again:
                self._threads.submit(self._step, self._host)

    def _wants_a_step(self) -> bool:
        if self._closed:
            return not self._let_go
        if self._to_turn():
            return True
        if self._filled.ended or self._retry_at is not None:
            return False
        return len(self._filled.frames) < self._marks.high

    def _to_turn(self) -> bool:
        wanted, filled = self._wanted, self._filled.wanted
        return wanted != filled and not (wanted.faded and filled.faded) and self._following is None

    def _turn(self, wanted: Wanted) -> None:
        """Begin a stretch in another sound, at a frame that the reader has not reached."""
        before = self._filled
        for _ in range(TURN_TRIES):
            self._begin_behind(before, wanted)
            with self._guard:
                late = before.taken - self._filled.begins_at
            if self._filled.ended or self._closed or late < max(1, self._filled.filled):
                break
            # The reader has gone past it meanwhile, as when a media child died: what it has read shall not come again.
        with self._guard:
            self._following = self._filled
            before.end_at(self._filled.begins_at)

    def _begin_behind(self, before: Stretch, wanted: Wanted) -> None:
        begins_at = min(before.taken + TURN_FRAMES, before.filled)
        while before.place_ms(begins_at) < self._source.begins_ms and begins_at < before.filled:
            begins_at += 1
        place_ms = before.place_ms(begins_at)
        ramp = Ramp(before.wanted.amplitude, wanted.amplitude)
        self._frames.close()
        self._frames = self._source.frames(place_ms, wanted.sound, ramp)
        self._filled = Stretch(wanted, place_ms, begins_at)
        self._failure = None
        self._fill(RAMP_FRAMES + TURN_FRAMES)

    def _fill(self, frames: int | None = None) -> None:
        stretch = self._filled
        high = RAMP_FRAMES if stretch.wanted.faded else self._marks.high
        try:
            missing = frames or self._marks.step
            while missing > 0 and not stretch.ended and not self._closed and len(stretch.frames) < high:
                run = next(self._frames)
                if run is None:
                    if stretch.wanted.faded:
                        stretch.ended = True  # what comes after a break is as loud as before
                    else:
                        self._retry_at = self._monotonic() + RETRY_SECONDS
                    return
                with self._guard:
                    stretch.add(run)
                missing -= len(run)
        except StopIteration:
            stretch.ended = True
        except TrackError as error:
            self._end_with(stretch, error)
        except Exception:
            _log.exception("reading a track failed")
            self._end_with(stretch, TrackError(_OUR_FAULT))
        if stretch.wanted.faded and stretch.filled >= RAMP_FRAMES:
            with self._guard:
                stretch.end_at(RAMP_FRAMES)  # a run may be longer, and what is behind the ramp is silent
            stretch.ended = True

    def _end_with(self, stretch: Stretch, failure: TrackError) -> None:
        if not stretch.ended:
            self._failure = failure
        stretch.ended = True
        self._source.close()

    def _release(self) -> None:
        if self._let_go:
            return
        self._let_go = True
        self._following = None
        for letting_go in (self._frames.close, self._source.close):
            try:
                letting_go()
            except Exception:
                _log.exception("closing a track failed")
        with self._guard:
            self._filled.end_at(0)  # a frame may have come in between
            self._stretch.end_at(0)
