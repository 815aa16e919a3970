"""A track that could not even be opened, as a stream: it fails as every other does, and somebody hears of it."""

from __future__ import annotations

import logging
from typing import Final

from timmybot.adapters.discord_voice.outcome import OUR_FAULT
from timmybot.domain.track import Track
from timmybot.ports.track_source import FrameStream, Gap, Run, Sound, TrackError, TrackSource

log = logging.getLogger(__name__)


class Unopened(FrameStream):
    """Ends before its first frame. ``position_ms`` is where it was to begin."""

    buffered_ms: Final = 0
    live: Final = False

    def __init__(self, position_ms: int) -> None:
        self._position_ms = position_ms

    @property
    def position_ms(self) -> int:
        return self._position_ms

    @property
    def failure(self) -> TrackError:
        return TrackError(OUR_FAULT)

    def run(self) -> Run | Gap:
        return Gap.END

    def set_sound(self, sound: Sound) -> None: ...

    def fade_out(self) -> None: ...

    def fade_in(self) -> None: ...

    def close(self) -> None: ...


def opened(source: TrackSource, track: Track, position_ms: int, sound: Sound, *, alone: bool = False) -> FrameStream:
    """The track's stream. That a source raises is a bug, which costs this playing and not the guild."""
    try:
        return source.open(track, position_ms=position_ms, sound=sound, alone=alone)
    except Exception:
        log.exception("a track could not be opened")
        return Unopened(position_ms)
