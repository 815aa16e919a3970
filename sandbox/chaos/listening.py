"""What a listener can tell of a fault: how long it was silent, and whether the song went on where it had stopped."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.demo.judgement import Recovery
from sandbox.discord import Window
from sandbox.melody import Melody, recognise

WINDOW_SECONDS = 0.1
SEAMLESS_SECONDS = 0.25
"""A shorter silence is the edge of a 100 ms window, not something that a listener would name."""

TELLING_SECONDS = 1.5
"""Four notes: no melody has the same four twice within the minutes that it plays."""


def interruption(heard: Sequence[Window], melody: Melody, *, since: float) -> Recovery | None:
    """The longest silence after ``since`` (monotonic seconds), and how far the song jumped over it.

    ``None`` if the melody was not heard on both sides of it. A song that went on without a silence has a gap near zero.
    """
    sounding = [window for window in heard if not window.is_silent]
    after = [window for window in sounding if window.time >= since]
    before = [window for window in sounding if window.time < since]
    in_order = [*before[-1:], *after]
    if len(in_order) < 2:
        return None
    longest = max(range(1, len(in_order)), key=lambda index: in_order[index].time - in_order[index - 1].time)
    resumed_at = in_order[longest].time
    if resumed_at - in_order[longest - 1].time <= SEAMLESS_SECONDS:
        return _seamless(sounding, melody)
    stopped_at = in_order[longest - 1].time + WINDOW_SECONDS
    died_at = _position([window for window in sounding if window.time < resumed_at], melody, stopped_at, last=True)
    went_on_at = _position([window for window in sounding if window.time >= resumed_at], melody, resumed_at, last=False)
    if died_at is None or went_on_at is None:
        return None
    return Recovery(resumed_at - stopped_at, died_at, went_on_at)


def is_placed(heard: Sequence[Window], melody: Melody) -> bool:
    """Whether enough was heard in one piece to tell where in the song it was: a busy machine takes a while for that."""
    sounding = [window for window in heard if not window.is_silent]
    return bool(sounding) and _position(sounding, melody, sounding[-1].time, last=True) is not None


def _seamless(sounding: Sequence[Window], melody: Melody) -> Recovery | None:
    position = recognise(sounding[-30:], melody).position
    return None if position is None else Recovery(0.0, position, position)


def _position(sounding: Sequence[Window], melody: Melody, moment: float, *, last: bool) -> float | None:
    """Where in the song ``moment`` was, by the stretch next to it that is long enough to be found only once."""
    stretches = [
        stretch
        for stretch in recognise(sounding, melody).segments
        if stretch.ended_at - stretch.began_at >= TELLING_SECONDS
    ]
    if not stretches:
        return None
    stretch = stretches[-1] if last else stretches[0]
    return stretch.from_position + moment - stretch.began_at


def sounding_since(heard: Sequence[Window], moment: float) -> list[Window]:
    """The windows with sound that began after ``moment``."""
    return [window for window in heard if window.time > moment and not window.is_silent]
