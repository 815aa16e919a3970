"""Judges decoded sound by what it should be: which tones, from where, how long, how loud, and without a gap.

It is told in parts what should be heard (:class:`Part`) and lists what is wrong in sentences. It knows nothing of files
and formats, and its own tests plant faults in good sound (``test_judge.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.matrix.score import HERTZ, STEPS, Score, Tone

Sound = NDArray[np.float32]
"""Of shape (2, samples), at 48 kHz."""

_WINDOW_S: Final = 0.08
_HOP_S: Final = 0.02
_EDGE_WINDOW_S: Final = 0.03
_EDGE_HOP_S: Final = 0.005
_MARGIN_S: Final = 0.06
"""Around a change of tone nothing is said of levels: encoders smear it."""
_SEAM_S: Final = 0.16
"""The same after a change of sound, which has a ramp of 60 ms."""
_LEAK_DB: Final = -24.0
"""How loud a tone may be on a side where it does not belong, beside the loudest one that does."""
_GAP_DB: Final = -10.0
_FRAME: Final = HERTZ // 50


@dataclass(frozen=True)
class Part:
    """From ``at_s`` of what is heard on: the song from ``place_s`` on, in one sound."""

    at_s: float
    place_s: float
    rate: float = 1.0
    """Seconds of the song in a second."""
    pitch: float = 1.0
    gain: float = 1.0

    def when_s(self, place_s: float) -> float:
        """When that place of the song is heard."""
        return self.at_s + (place_s - self.place_s) / self.rate


@dataclass(frozen=True)
class Tolerance:
    place_s: float = 0.05
    late_s: float = 0.0
    """How much later than that a file may begin that does not say how much silence its encoder put before the song."""
    length_s: float = 0.08
    longer_s: float = 0.0
    level_db: float = 1.0
    peak_db: float = 2.0


@dataclass(frozen=True)
class _Stretch:
    """A step as far as it is heard in one part."""

    part: Part
    step: int
    begin_s: float
    end_s: float
    ends_song: bool


def faults(sound: Sound, score: Score, parts: Sequence[Part], tolerance: Tolerance) -> list[str]:
    """What is wrong with ``sound``, in which ``score`` should be heard in ``parts``; nothing if all is right."""
    due_s = parts[-1].when_s(score.seconds)
    heard_s = sound.shape[1] / HERTZ
    found: list[str] = []
    if not -tolerance.length_s <= heard_s - due_s <= tolerance.length_s + tolerance.longer_s:
        found.append(f"{heard_s:.2f} s were heard, of {due_s:.2f} s")
    stretches = list(_stretches(score, parts, due_s))
    shifts = [shift for before, after in pairwise(stretches) for shift in _shift(sound, score, before, after)]
    for shift in shifts:
        if shift is None:
            found.append("a change of tone was never heard")
        elif not -tolerance.place_s <= shift <= tolerance.place_s + tolerance.late_s:
            found.append(f"a tone changed {1000 * shift:+.0f} ms from when it should")
    if not found:
        offset = float(np.mean([shift for shift in shifts if shift is not None] or [0.0]))
        for stretch in stretches:
            found += _wrong_tones(sound, score, stretch, offset, tolerance)
        found += _gaps(sound, score, stretches, offset, tolerance)
    return found


def _stretches(score: Score, parts: Sequence[Part], due_s: float) -> Iterator[_Stretch]:
    for number, part in enumerate(parts):
        ends_s = parts[number + 1].at_s if number + 1 < len(parts) else due_s
        for step in range(STEPS):
            begin_s = max(part.at_s, part.when_s(step * score.step_seconds))
            end_s = min(ends_s, part.when_s((step + 1) * score.step_seconds))
            if end_s > begin_s + 1e-6:
                yield _Stretch(part, step, begin_s, end_s, ends_song=end_s >= due_s - 1e-6)


def _tones(score: Score, stretch: _Stretch) -> list[Tone]:
    part = stretch.part
    return [
        Tone(tone.hz * part.pitch, tone.left * part.gain, tone.right * part.gain) for tone in score.heard(stretch.step)
    ]


def _amplitudes(sound: Sound, starts_s: NDArray[np.float64], window_s: float, hz: Sequence[float]) -> Sound:
    """How loud each tone is, of shape (2, starts, tones)."""
    length = round(window_s * HERTZ)
    if sound.shape[1] < length:
        return np.zeros((2, len(starts_s), len(hz)), dtype=np.float32)
    begins = np.clip((starts_s * HERTZ).astype(int), 0, sound.shape[1] - length)
    windows = np.lib.stride_tricks.sliding_window_view(sound, length, axis=1)[:, begins]
    turned = (windows.reshape(-1, length) @ _turns(length, tuple(hz))).reshape(2, len(begins), 2, len(hz))
    loud: Sound = np.hypot(turned[:, :, 0], turned[:, :, 1])
    return loud


@lru_cache(maxsize=64)
def _turns(length: int, hz: tuple[float, ...]) -> Sound:
    """Of shape (length, 2 × tones): what a window is multiplied with to hear how much of each tone is in it."""
    angles = 2 * np.pi * np.outer(np.arange(length) / HERTZ, hz)
    shape = np.hanning(length)[:, None]
    turns: Sound = (np.hstack([np.cos(angles), np.sin(angles)]) * shape * 2 / shape.sum()).astype(np.float32)
    return turns


def _shift(sound: Sound, score: Score, before: _Stretch, after: _Stretch) -> Iterator[float | None]:
    """How much later than due the tones change, in seconds; ``None`` if they do not. Nothing within a step."""
    if before.step == after.step or before.part != after.part:
        return
    due_s, reach_s = after.begin_s, min(after.end_s - after.begin_s, before.end_s - before.begin_s, 0.4)
    starts = np.arange(due_s - reach_s, due_s + reach_s - _EDGE_WINDOW_S, _EDGE_HOP_S)
    if len(starts) < 3 or starts[-1] * HERTZ > sound.shape[1]:
        yield None
        return
    loud = [
        np.square(_amplitudes(sound, starts, _EDGE_WINDOW_S, [tone.hz for tone in tones if tone.left or tone.right]))
        for tones in (_tones(score, before), _tones(score, after))
    ]
    old, new = (one.sum(axis=(0, 2)) for one in loud)
    changed = np.flatnonzero(new > old)
    if not len(changed) or changed[0] == 0:
        yield None
        return
    yield float(starts[changed[0]] + _EDGE_WINDOW_S / 2 - due_s)


def _clean_starts(stretch: _Stretch, offset: float) -> NDArray[np.float64]:
    begins_part = abs(stretch.begin_s - stretch.part.at_s) < 1e-6 and stretch.part.at_s > 0
    begin_s = stretch.begin_s + offset + (_SEAM_S if begins_part else _MARGIN_S)
    end_s = stretch.end_s + min(offset, 0.0 if stretch.ends_song else offset) - _MARGIN_S - _WINDOW_S
    return np.arange(begin_s, end_s, _HOP_S)


def _wrong_tones(sound: Sound, score: Score, stretch: _Stretch, offset: float, tolerance: Tolerance) -> Iterator[str]:
    starts = _clean_starts(stretch, offset)
    if not len(starts):
        return
    every = [tone.hz for step in range(STEPS) for tone in score.heard(step)]
    tones = _tones(score, stretch)
    hz = [tone.hz for tone in tones]
    others = [one * stretch.part.pitch for one in every if one * stretch.part.pitch not in hz]
    loud = np.sqrt(np.square(_amplitudes(sound, starts, _WINDOW_S, [*hz, *others])).mean(axis=1))
    for side, name in enumerate(("left", "right")):
        due = np.array([(tone.left, tone.right)[side] for tone in tones])
        most = max(max(tone.left, tone.right) for tone in tones)
        for at, (one, wanted) in enumerate(zip(loud[side], [*due, *[0.0] * len(others)], strict=True)):
            where = f"{[*hz, *others][at]:.0f} Hz on the {name}, {stretch.begin_s:.2f} s in"
            if wanted:
                off_db = 20 * np.log10(one / wanted + 1e-9)
                if abs(off_db) > tolerance.level_db:
                    yield f"{off_db:+.1f} dB: {where}"
            elif 20 * np.log10(one / most + 1e-9) > _LEAK_DB:
                yield f"{20 * np.log10(one / most):+.1f} dB of what does not belong there: {where}"


def _gaps(
    sound: Sound, score: Score, stretches: Sequence[_Stretch], offset: float, tolerance: Tolerance
) -> Iterator[str]:
    """Frames that are too quiet, but for those at a seam."""
    for stretch in stretches:
        tones = _tones(score, stretch)
        due = np.sqrt(sum(tone.left**2 + tone.right**2 for tone in tones) / 4)
        seam = stretch.begin_s == stretch.part.at_s and stretch.begin_s > 0
        begin = round((stretch.begin_s + (_SEAM_S if seam else 0.0) + max(offset, 0.0) + 0.02) * HERTZ)
        next_is_seam = any(abs(other.part.at_s - stretch.end_s) < 1e-6 for other in stretches)
        spared_s = tolerance.length_s if stretch.ends_song else _SEAM_S if next_is_seam else 0.02
        end = round((stretch.end_s - spared_s + min(offset, 0.0)) * HERTZ)
        for at in range(begin, end - _FRAME, _FRAME):
            loud = float(np.sqrt(np.square(sound[:, at : at + _FRAME]).mean()))
            if 20 * np.log10(loud / due + 1e-9) < _GAP_DB:
                yield f"a gap {at / HERTZ:.2f} s in"
