"""Sound that says which channel it is and where in the song it is, and what of it two ears should hear.

Each channel carries a tone of its own, and all of them change at each step: 24 tones, 120 Hz apart. A channel that was
dropped, a second that was cut and a start that is late are all told from which tones are heard when, and how loud.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HERTZ: Final = 48_000
STEPS: Final = 3
MOST_CHANNELS: Final = 8
LOWEST_HZ: Final = 300
SPACING_HZ: Final = 120
"""Neighbouring tones are told apart in a tenth of a second; the highest of the 24, 3,060 Hz, fits into 8 kHz."""
DEEP_HZ: Final = 60
"""A channel for deep sound (LFE) is cut off above some 120 Hz by most encoders."""
DEEP_SPACING_HZ: Final = 24
LEVEL: Final = 0.1
"""Of each channel: 20 dB below the most, so that eight of them mixed down stay below it."""

LAYOUTS: Final = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "2.1": ("FL", "FR", "LFE"),
    "3.0": ("FL", "FR", "FC"),
    "quad": ("FL", "FR", "BL", "BR"),
    "4.0": ("FL", "FR", "FC", "BC"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    "6.1(back)": ("FL", "FR", "FC", "LFE", "BL", "BR", "BC"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
    "7.1(wide)": ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC"),
}
"""Where the channels of a layout stand, by FFmpeg's names and in its order."""

_HALF_POWER: Final = 0.5**0.5
MIX: Final = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_HALF_POWER, _HALF_POWER),
    "LFE": (0.0, 0.0),
    "BL": (_HALF_POWER, 0.0),
    "BR": (0.0, _HALF_POWER),
    "SL": (_HALF_POWER, 0.0),
    "SR": (0.0, _HALF_POWER),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "BC": (0.5, 0.5),
}
"""How much of a channel the left and the right ear hear. Source: ITU-R BS.775, annex 4, as FFmpeg does it. One channel
alone goes to both sides as it is."""


@dataclass(frozen=True)
class Tone:
    hz: float
    left: float
    right: float
    """The amplitude on each side."""


@dataclass(frozen=True)
class Score:
    """What is in a file: ``STEPS`` steps of ``step_seconds``, in the channels of ``layout``."""

    layout: str
    step_seconds: float = 0.6

    @property
    def speakers(self) -> tuple[str, ...]:
        return LAYOUTS[self.layout]

    @property
    def seconds(self) -> float:
        return STEPS * self.step_seconds

    def hz(self, channel: int, step: int) -> float:
        if self.speakers[channel] == "LFE":
            return DEEP_HZ + DEEP_SPACING_HZ * step
        return LOWEST_HZ + SPACING_HZ * (step * MOST_CHANNELS + channel)

    def heard(self, step: int) -> list[Tone]:
        """The tones of a step as two ears hear them, those included that they should not hear."""
        mixes = [(1.0, 1.0)] if self.layout == "mono" else [MIX[speaker] for speaker in self.speakers]
        return [
            Tone(self.hz(channel, step), LEVEL * left, LEVEL * right) for channel, (left, right) in enumerate(mixes)
        ]

    def channels(self, rate: int) -> NDArray[np.float32]:
        """Samples of shape (samples, channels) at ``rate``."""
        time_s = np.arange(round(self.seconds * rate)) / rate
        step = np.minimum((time_s / self.step_seconds).astype(int), STEPS - 1)
        hz = np.array([[self.hz(channel, at) for channel in range(len(self.speakers))] for at in range(STEPS)])
        # Phases that go on over a change of tone, and begin apart: else eight crests would meet at the beginning.
        phases = np.cumsum(2 * np.pi * hz[step] / rate, axis=0) + np.arange(len(self.speakers))
        return (LEVEL * np.sin(phases)).astype(np.float32)
