"""Frames in one sound, between who makes them and who reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from timmybot.ports.track_source import FRAME_MS, Sound


@dataclass(frozen=True)
class Wanted:
    """How frames are to sound."""

    sound: Sound
    faded: bool = False

    @property
    def amplitude(self) -> float:
        return 0.0 if self.faded else self.sound.amplitude


class Stretch:
    """Frames in one sound. ``frames`` is filled at one end and read at the other; all else is the filler's, before it
    is handed over."""

    __slots__ = ("begins_at", "ended", "filled", "frames", "ms_per_frame", "start_ms", "wanted")

    def __init__(self, wanted: Wanted, start_ms: float, begins_at: int) -> None:
        self.frames: deque[bytes] = deque()
        self.filled = 0
        """How many frames it has had. Changes together with ``frames`` under the stream's guard."""
        self.wanted = wanted
        self.start_ms = start_ms
        self.ms_per_frame = FRAME_MS * wanted.sound.rate
        self.begins_at = begins_at
        """Which frame of the stretch before is the first that this one stands for."""
        self.ended = False

    @property
    def taken(self) -> int:
        """How many were read. Exact under the stream's guard, or where nobody fills."""
        return self.filled - len(self.frames)

    def place_ms(self, frames: int) -> float:
        return self.start_ms + frames * self.ms_per_frame

    def add(self, run: Sequence[bytes]) -> None:
        """The filler's."""
        self.frames.extend(run)
        self.filled += len(run)

    def end_at(self, frame: int) -> None:
        """Take back what lies behind and has not been read."""
        while self.filled > frame and self.frames:
            self.frames.pop()
            self.filled -= 1
