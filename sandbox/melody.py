"""Melodies that say where they are: tones in an order in which each pair of neighbours comes only once.

Hearing two notes is therefore enough to know the place in the song, and each melody has tones of its own, so that a
listener can tell "its own and nothing of the other's" with figures (:func:`recognise`).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
TONES_PER_MELODY = 12
LOWEST_HZ, OCTAVES = 320.0, 3.2
VOICES = 4
"""How many melodies can have tones of their own: with more, neighbouring tones could not be told apart."""
TOLERANCE = 0.012
"""How far a heard tone may be off, as a share of its frequency: under half the distance to another voice's tone."""
FADE_SECONDS = 0.004
LOUDNESS = 0.35

GRID_SECONDS = 0.02
WINDOW_SECONDS = 0.1
SEED_WINDOWS = 30
MISSES_THAT_END_A_SEGMENT = 4


class Sound(Protocol):
    """What :func:`recognise` needs of a heard window (see :class:`sandbox.discord.ear.Window`)."""

    @property
    def time(self) -> float: ...
    @property
    def hz(self) -> float: ...
    @property
    def media(self) -> float: ...
    @property
    def stream(self) -> int: ...
    @property
    def is_silent(self) -> bool: ...


@dataclass(frozen=True)
class Melody:
    """A named sequence of tones: (frequency in Hz, length in seconds)."""

    name: str
    notes: tuple[tuple[float, float], ...]
    _ends: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(seconds for _, seconds in self.notes)))

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self._ends[-1]

    @property
    def tones(self) -> frozenset[float]:
        """Its frequencies, in Hz."""
        return frozenset(hz for hz, _ in self.notes)

    def hz_at(self, position: float) -> float:
        """The tone at ``position`` seconds; 0.0 before the beginning and after the end."""
        if not 0 <= position < self.seconds:
            return 0.0
        return self.notes[bisect_right(self._ends, position)][0]

    def pcm(self) -> NDArray[np.float32]:
        """Stereo samples at 48 kHz, of shape (2, samples), between -1 and 1."""
        fade = int(FADE_SECONDS * SAMPLE_RATE)
        ramp = np.linspace(0.0, 1.0, fade)
        parts, begin = [], 0
        for (hz, _), end in zip(self.notes, self._ends, strict=True):
            count = round(end * SAMPLE_RATE) - begin
            tone = LOUDNESS * np.sin(2 * np.pi * hz * np.arange(count) / SAMPLE_RATE)
            tone[:fade] *= ramp
            tone[-fade:] *= ramp[::-1]
            parts.append(tone)
            begin += count
        mono = np.concatenate(parts).astype(np.float32)
        return np.stack([mono, mono])


def compose(name: str, *, voice: int, seconds: float = 60.0, note_seconds: float = 0.4) -> Melody:
    """A melody of about ``seconds`` with the tones of ``voice`` (0 to 3): those of different voices share no tone.

    At 0.4 s a note, every position within 52 s is told by two neighbouring notes; longer ones repeat pairs, and
    need three.
    """
    if not 0 <= voice < VOICES:
        raise ValueError(f"voice {voice}: there are {VOICES}, numbered from 0")
    step = 2 ** (OCTAVES / (TONES_PER_MELODY * VOICES))
    tones = [round(LOWEST_HZ * step ** (index * VOICES + voice), 2) for index in range(TONES_PER_MELODY)]
    order: list[int] = []
    dice = random.Random(f"{name}/{voice}")
    while len(order) * note_seconds < seconds:
        circuit = _each_pair_once(TONES_PER_MELODY, dice)
        order += circuit[1:] if order and order[-1] == circuit[0] else circuit
    count = max(1, round(seconds / note_seconds))
    return Melody(name, tuple((tones[index], note_seconds) for index in order[:count]))


def _each_pair_once(symbols: int, dice: random.Random) -> list[int]:
    """An Eulerian circuit of the complete directed graph (Hierholzer): every ordered pair once, none doubled."""
    onward = {start: [end for end in range(symbols) if end != start] for start in range(symbols)}
    for ends in onward.values():
        dice.shuffle(ends)
    path, circuit = [0], []
    while path:
        if onward[path[-1]]:
            path.append(onward[path[-1]].pop())
        else:
            circuit.append(path.pop())
    return circuit[::-1]


@dataclass(frozen=True)
class Segment:
    """A stretch in which the melody was heard without a break or a jump.

    ``began_at`` and ``ended_at`` are on the listener's clock; the positions are seconds into the melody.
    """

    began_at: float
    ended_at: float
    from_position: float
    to_position: float


@dataclass(frozen=True)
class Recognition:
    """What of a melody was heard."""

    melody: str
    segments: tuple[Segment, ...]
    sounding_seconds: float
    """How much sound was heard at all."""
    matched_share: float
    """Share of the sound that is this melody, in its order: 1.0 is all of it."""
    foreign_share: float
    """Share of the sound whose tone is none of this melody's."""
    coverage: float
    """Share of the whole melody that was heard."""

    @property
    def position(self) -> float | None:
        """How far into the melody the last matching sound was, in seconds."""
        return self.segments[-1].to_position if self.segments else None

    @property
    def start(self) -> float | None:
        """Where in the melody the first matching sound was, in seconds."""
        return self.segments[0].from_position if self.segments else None


def recognise(heard: Sequence[Sound], melody: Melody) -> Recognition:
    """Align heard windows of 100 ms to a melody.

    Windows in order of time; silent ones are left out. A position is right to about 0.1 s once some three notes of a
    stretch were heard.
    """
    sounding = [window for window in heard if not window.is_silent]
    tones = np.array(sorted(melody.tones))
    foreign = sum(not _near(tones, window.hz).any() for window in sounding)
    score = np.array([melody.hz_at(step * GRID_SECONDS) for step in range(int(melody.seconds / GRID_SECONDS) + 1)])
    segments: list[Segment] = []
    matched = 0
    for run in _runs(sounding):
        rest = run
        while rest:
            segment, hits, used = _longest_match(rest, score)
            rest = rest[used:]
            if segment:
                segments.append(segment)
                matched += hits
    total = len(sounding)
    return Recognition(
        melody.name,
        tuple(segments),
        total * WINDOW_SECONDS,
        matched / total if total else 0.0,
        foreign / total if total else 0.0,
        _covered(segments) / melody.seconds,
    )


def _near(tones: NDArray[np.float64], hz: float) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(tones - hz) <= TOLERANCE * tones
    return near & (tones > 0)


def _fits(score: NDArray[np.float64], position: float, hz: float) -> bool:
    """Is this the tone of a window that begins at ``position``? Where the tone changes within it, either will do."""
    begin, end = (max(0, round(at / GRID_SECONDS)) for at in (position, position + WINDOW_SECONDS))
    return bool(_near(score[begin : end + 1], hz).any())


def _runs(sounding: Sequence[Sound]) -> list[list[Sound]]:
    """Split where the stream was interrupted or another began."""
    runs: list[list[Sound]] = []
    for window in sounding:
        last = runs[-1][-1] if runs else None
        if last and window.stream == last.stream and window.media - last.media < 0.35 and window.time - last.time < 1.0:
            runs[-1].append(window)
        else:
            runs.append([window])
    return runs


def _longest_match(run: list[Sound], score: NDArray[np.float64]) -> tuple[Segment | None, int, int]:
    """The melody from the run's beginning on, for as long as it goes on. Returns also windows matched and consumed."""
    begin = next((index for index, window in enumerate(run) if _near(score, window.hz).any()), None)
    if begin is None:
        return None, 0, len(run)
    first = run[begin]
    seed = run[begin : begin + SEED_WINDOWS]
    hits = np.zeros(len(score), dtype=np.int32)
    for window in seed:
        # The tone is judged at the window's middle.
        ahead = round((window.media - first.media + WINDOW_SECONDS / 2) / GRID_SECONDS)
        fits = _near(score, window.hz)
        hits[: len(score) - ahead] += fits[ahead:]
    best = np.flatnonzero(hits == hits.max())
    offset = float(best[len(best) // 2]) * GRID_SECONDS
    matched, misses, last = 0, 0, begin
    for index in range(begin, len(run)):
        if _fits(score, offset + run[index].media - first.media, run[index].hz):
            matched, misses, last = matched + 1, 0, index
        else:
            misses += 1
            if misses >= MISSES_THAT_END_A_SEGMENT:
                break
    if matched < 2:
        return None, 0, begin + 1
    to_position = offset + run[last].media - first.media + WINDOW_SECONDS
    segment = Segment(first.time, run[last].time + WINDOW_SECONDS, max(0.0, offset), to_position)
    return segment, matched, last + 1


def _covered(segments: Sequence[Segment]) -> float:
    """Seconds of the melody that at least one segment covers."""
    covered, reached = 0.0, 0.0
    for segment in sorted(segments, key=lambda segment: segment.from_position):
        begin = max(segment.from_position, reached)
        covered += max(0.0, segment.to_position - begin)
        reached = max(reached, segment.to_position)
    return covered
