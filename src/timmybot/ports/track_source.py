"""Where tracks come from: what is at a URL, and its sound as Opus frames."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from timmybot.domain.track import Track

FRAME_MS = 20
"""The length of a frame. Source: Discord, Voice Connections: Opus, 48 kHz, stereo, 20 ms."""


class TrackError(Exception):
    """The track cannot be played. ``str()`` says why and what to do, for the member who asked for it."""


class Gap(Enum):
    """What a stream gives instead of a frame."""

    NOT_YET = "not yet"
    """Decoding is behind: ask again for the next frame's slot."""
    END = "end"
    """The track is over."""


class FrameStream(Protocol):
    """The sound of one track. Buffers ahead by itself; reading never waits and never raises."""

    def read(self) -> bytes | Gap:
        """The next 20 ms as an Opus packet. Called by the pacing thread."""
        ...

    @property
    def failure(self) -> TrackError | None:
        """Why the stream ended early, if it did; set before ``read`` gives ``END``."""
        ...

    def close(self) -> None:
        """Stop buffering and let everything go. Never waits."""
        ...


class TrackSource(Protocol):
    async def resolve(self, url: str) -> Track:
        """Look at what is at ``url``: its title and duration. Raises :class:`TrackError`."""
        ...

    def open(self, track: Track, *, position_ms: int) -> FrameStream:
        """Start buffering the track's sound from ``position_ms`` on. Trouble shows as the stream's ``failure``."""
        ...
