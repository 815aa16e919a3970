"""How a track is to sound, and how loud it is by itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

TARGET_LUFS: Final = -16.0
"""The loudness that tracks are brought to unless a guild wants another. See docs/decisions/0011-loudness.md."""

SMALL_CORRECTION_DB: Final = 2.0
"""A correction up to this is not made: hardly anybody hears it, and a track that needs none can be passed through."""

LARGEST_BOOST_DB: Final = 12.0
PEAK_CEILING_DB: Final = -1.0
"""A boost brings no peak above this. Source: EBU R 128, maximum true peak level."""

MOST_VOLUME_PERCENT: Final = 200
SPEEDS_PERCENT: Final = (50, 200)

_LOUDNESS_EXPONENT: Final = 1.661
"""Twice the percentage is 10 dB more, which is heard as twice as loud. Source: Stevens, The measurement of loudness
(1955). ``log2(10) / 2``."""


class Effect(Enum):
    """What can be done to the sound besides its volume and speed."""

    NONE = "none"
    BASS = "bass"
    """More below 110 Hz."""
    NIGHTCORE = "nightcore"
    """A quarter faster, and higher with it."""
    SLOWED = "slowed"
    """A fifth slower, and lower with it."""


_RATES: Final = {Effect.NIGHTCORE: 1.25, Effect.SLOWED: 0.8}


@dataclass(frozen=True)
class Loudness:
    """How loud a track is as a whole. Measured once, and kept with what else is known of the track."""

    lufs: float
    """Integrated loudness. Source: EBU R 128, ITU-R BS.1770."""
    peak_db: float
    """The highest sample, in dB of full scale: 0.0 is the loudest there can be."""

    def correction_db(self, target_lufs: float = TARGET_LUFS) -> float:
        """The gain that brings the track to the target as near as it can: 0.0 if it is near enough as it is."""
        wanted = target_lufs - self.lufs
        room = max(0.0, PEAK_CEILING_DB - self.peak_db)
        gain = min(wanted, room, LARGEST_BOOST_DB)
        return gain if abs(gain) > SMALL_CORRECTION_DB else 0.0


@dataclass(frozen=True)
class Measured:
    """That a track was heard to find out how loud it is."""

    loudness: Loudness | None
    """``None`` if that cannot be said: it is live, or all silence."""


@dataclass(frozen=True)
class Sound:
    """How a track is to sound. Raises :class:`ValueError` for what makes no sense."""

    volume_percent: int = 100
    """As it is heard: 50 is half as loud, 0 is silent."""
    gain_db: float = 0.0
    """A correction on top, such as :meth:`Loudness.correction_db`."""
    speed_percent: int = 100
    """Without a change of pitch."""
    effect: Effect = Effect.NONE

    def __post_init__(self) -> None:
        if not 0 <= self.volume_percent <= MOST_VOLUME_PERCENT:
            raise ValueError(f"The volume is {self.volume_percent} %: it goes from 0 to {MOST_VOLUME_PERCENT}.")
        if not SPEEDS_PERCENT[0] <= self.speed_percent <= SPEEDS_PERCENT[1]:
            slow, fast = SPEEDS_PERCENT
            raise ValueError(f"The speed is {self.speed_percent} %: it goes from {slow} to {fast}.")
        if not -60.0 <= self.gain_db <= LARGEST_BOOST_DB:
            raise ValueError(f"The gain is {self.gain_db} dB: it goes from -60 to {LARGEST_BOOST_DB}.")

    @property
    def amplitude(self) -> float:
        """What samples are multiplied with."""
        return float((self.volume_percent / 100) ** _LOUDNESS_EXPONENT * 10 ** (self.gain_db / 20))

    @property
    def rate(self) -> float:
        """How many seconds of the track a second of listening brings."""
        return self.speed_percent / 100 * _RATES.get(self.effect, 1.0)

    @property
    def untouched(self) -> bool:
        """Whether Opus packets can be passed through."""
        return self == AS_IT_IS


AS_IT_IS: Final = Sound()
