"""``timmybot run``, ended by SIGKILL whenever it opens the track whose URL stands in the file ``BOMB_FILE``.

Nothing of the bot knows of it: its players get their tracks from a source with a bomb in between.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.domain.track import Track
from timmybot.entrypoints import assemble
from timmybot.entrypoints.cli import main
from timmybot.ports.track_source import AS_IT_IS, FrameStream, Loudness, Sound, TrackSource


class BombedSource(TrackSource):
    def __init__(self, source: TrackSource, bomb: Path) -> None:
        self._source = source
        self._bomb = bomb

    async def resolve(self, url: str) -> Track:
        return await self._source.resolve(url)

    async def measure(self, track: Track) -> Loudness | None:
        return await self._source.measure(track)

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FrameStream:
        if track.url == self._bomb.read_text():
            os.kill(os.getpid(), signal.SIGKILL)
        return self._source.open(track, position_ms=position_ms, sound=sound, alone=alone)


class BombedPlayers(VoicePlayers):
    def __init__(self, signalling: Any, source: TrackSource, clock: Any, **options: Any) -> None:
        super().__init__(signalling, BombedSource(source, Path(os.environ["BOMB_FILE"])), clock, **options)


if __name__ == "__main__":
    setattr(assemble, "VoicePlayers", BombedPlayers)  # noqa: B010  # the one place that joins the parts
    sys.exit(main())
