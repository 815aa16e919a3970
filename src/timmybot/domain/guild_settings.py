"""What a guild has chosen once and for all its queues. It is part of the guild's state: whoever reads one has both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timmybot.domain.ids import RoleId
from timmybot.domain.sound import MOST_VOLUME_PERCENT, SPEEDS_PERCENT, TARGET_LUFS, Effect, Loudness, Sound

TARGETS_LUFS: Final = (-30, -8)
MOST_ALONE_MINUTES: Final = 24 * 60


@dataclass(frozen=True)
class GuildSettings:
    """The default is a guild that has chosen nothing. Raises :class:`ValueError` for what makes no sense."""

    volume_percent: int = 100
    speed_percent: int = 100
    effect: Effect = Effect.NONE
    target_lufs: int | None = int(TARGET_LUFS)
    """The loudness that tracks are brought to; ``None`` plays each as loud as it is."""
    alone_minutes: int = 5
    """How long the player stays where nobody listens: long enough to fetch a coffee, and no bandwidth for an empty
    room. 0: for ever."""
    dj_role_id: RoleId | None = None
    """Who may change what plays and waits; everyone if it is ``None``."""

    def __post_init__(self) -> None:
        ranges = (
            (self.volume_percent, (0, MOST_VOLUME_PERCENT)),
            (self.speed_percent, SPEEDS_PERCENT),
            (self.target_lufs, TARGETS_LUFS),
            (self.alone_minutes, (0, MOST_ALONE_MINUTES)),
        )
        for value, (low, high) in ranges:
            if value is not None and not low <= value <= high:
                raise ValueError(f"{value} is not from {low} to {high}")

    @property
    def alone_seconds(self) -> float:
        return self.alone_minutes * 60.0 if self.alone_minutes else float("inf")

    def sound(self, loudness: Loudness | None) -> Sound:
        """How a track of this loudness is to sound; one that nobody has measured is as loud as it is."""
        gain_db = 0.0
        if loudness is not None and self.target_lufs is not None:
            gain_db = loudness.correction_db(self.target_lufs)
        return Sound(self.volume_percent, gain_db, self.speed_percent, self.effect)


NOTHING_CHOSEN: Final = GuildSettings()
