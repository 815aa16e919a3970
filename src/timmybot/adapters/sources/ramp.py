"""A change of loudness that does not click."""

from __future__ import annotations

from dataclasses import dataclass

RAMP_FRAMES = 3
"""How long a change of volume takes, in frames: 60 ms. Short enough to feel immediate, long enough not to click."""


@dataclass(frozen=True)
class Ramp:
    """A change of amplitude over ``RAMP_FRAMES``."""

    begin: float
    end: float
