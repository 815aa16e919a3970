"""Where tracks come from: what is at a URL, and its sound as Opus frames."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

from timmybot.domain.sound import AS_IT_IS, Effect, Loudness, Sound
from timmybot.domain.track import Track

__all__ = [
    "AS_IT_IS",
    "FRAME_MS",
    "DecoderCrashed",
    "Effect",
    "FrameStream",
    "Gap",
    "Loudness",
    "Run",
    "Sound",
    "SourceAway",
    "TrackError",
    "TrackSource",
]

FRAME_MS = 20
"""The length of a frame. Source: Discord, Voice Connections: Opus, 48 kHz, stereo, 20 ms."""


class TrackError(Exception):
    """The track cannot be played. ``str()`` says why and what to do, for the member who asked for it."""


class SourceAway(TrackError):
    """Nothing answers where the track is, or no longer: its server is away, or the whole network.

    Nothing is known against the track. In the middle of it, open it again where it was.
    """

    unknown_name: bool = False
    """Whether the server's name has no address: in a link that was just typed it may be mistyped."""


class DecoderCrashed(TrackError):
    """The track ended the process that decodes it, by a crash or by computing without end.

    As a stream's ``failure`` it says that this playback is the culprit and nobody else: record that, then open the
    track once more with ``alone=True``. A track that crashes its decoder alone, too, fails for good.
    """


class Gap(Enum):
    """What a stream gives instead of a frame."""

    NOT_YET = "not yet"
    """Decoding is behind: ask again for the next frame's slot."""
    FADED = "faded"
    """Faded out as asked: the place is kept until ``fade_in``, whose first frames may be a few slots away."""
    END = "end"
    """The track is over."""


class Run(NamedTuple):
    """Frames in a row, each of which may be taken in its slot without another look at the stream."""

    take: Callable[[], bytes]
    """Gives the next frame, an Opus packet of 20 ms. Raises ``IndexError`` if the run is over before its time, because
    the sound has changed or the stream was closed: look at the stream again in the same slot."""
    frames: int
    """How many may be taken, at least one. Then look at the stream again."""


class FrameStream(Protocol):
    """The sound of one track. Buffers ahead by itself; reading never waits and never raises.

    So the next track begins in the very slot after this one's last: open it some seconds earlier, and when ``run``
    gives ``END`` read from that one in the same slot.
    """

    def run(self) -> Run | Gap:
        """The frames that come next, or why there is none now; it takes the place of a run given before.

        Called by the pacing thread.
        """
        ...

    @property
    def position_ms(self) -> int:
        """The place in the track of the next frame, whatever the speed. Of a live stream: how long it was heard."""
        ...

    @property
    def buffered_ms(self) -> int:
        """How much could be read now without a gap."""
        ...

    @property
    def live(self) -> bool:
        """Whether it is broadcast as it happens: after a long pause, open it anew rather than play what is old."""
        ...

    @property
    def failure(self) -> TrackError | None:
        """Why the stream ended early, if it did; set before ``run`` gives ``END``."""
        ...

    def set_sound(self, sound: Sound) -> None:
        """Go over to ``sound`` at a coming frame, without a gap: within about 0.1 s. Never waits."""
        ...

    def fade_out(self) -> None:
        """Fall silent over 60 ms, within about 0.1 s; from then on ``run`` gives ``FADED``. Never waits."""
        ...

    def fade_in(self) -> None:
        """Come back from where it fell silent. Never waits."""
        ...

    def close(self) -> None:
        """Stop buffering and let everything go. Never waits."""
        ...


class TrackSource(Protocol):
    async def resolve(self, url: str) -> Track:
        """Look at what is at ``url``: its title and duration. Raises :class:`TrackError`."""
        ...

    async def measure(self, track: Track) -> Loudness | None:
        """Hear how loud the track is: seconds, not milliseconds, and at low priority. Raises :class:`TrackError`.

        ``None`` if that cannot be said: it is live, all silence, or long and cannot be gone about in.
        """
        ...

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FrameStream:
        """Start buffering the track's sound from ``position_ms`` on. Trouble shows as the stream's ``failure``.

        ``alone`` decodes the track in a process that no other track shares: for one that ended a process before.
        """
        ...
