"""Guilds that play song after song, as fast as the frames come, each on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from random import Random

from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.sound import Effect, Sound
from timmybot.domain.track import Track
from timmybot.ports.track_source import FRAME_MS, FrameStream, Gap, TrackError

SOUNDS = (Sound(), Sound(), Sound(volume_percent=60), Sound(speed_percent=125), Sound(effect=Effect.BASS))
POLL_SECONDS = 0.005
LOOKS = 0.1
"""How many songs are looked at before, as a member's link is; as many are measured."""
LEAVES = 0.3
"""How many songs are left in the middle, as by /skip."""
CHANGES = 0.3
"""How many change their sound in the middle."""


class Guild(threading.Thread):
    def __init__(self, source: HttpTrackSource, links: list[str], seed: int) -> None:
        super().__init__(name=f"guild {seed}", daemon=True)
        self.frames = 0
        self.songs = 0
        self.failures: list[str] = []
        self._source = source
        self._links = links
        self._random = Random(f"soak {seed}")
        self._over = threading.Event()
        self._may_play = threading.Event()
        self._may_play.set()
        self._rests = threading.Event()

    @property
    def hours(self) -> float:
        """Of sound so far."""
        return self.frames * FRAME_MS / 3_600_000

    def rest(self) -> None:
        """Return when nothing plays, until :meth:`go_on`."""
        self._may_play.clear()
        self._rests.wait()

    def go_on(self) -> None:
        self._rests.clear()
        self._may_play.set()

    def end(self) -> None:
        self._over.set()
        self._may_play.set()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            if not self._may_play.is_set():
                self._rests.set()
                self._may_play.wait()
                continue
            track = Track(self._random.choice(self._links))
            try:
                if self._random.random() < LOOKS:
                    asyncio.run(self._source.resolve(track.url))
                if self._random.random() < LOOKS:
                    asyncio.run(self._source.measure(track))
            except TrackError as trouble:
                self.failures.append(str(trouble))
            self._play(track)
            self.songs += 1

    def _play(self, track: Track) -> None:
        random = self._random
        stream = self._source.open(
            track,
            position_ms=random.choice((0, 0, 0, 30_000)),
            sound=random.choice(SOUNDS),
            alone=random.random() < 0.02,
        )
        leaves_at = random.randrange(4_000) if random.random() < LEAVES else None
        changes_at = random.randrange(3_000) if random.random() < CHANGES else None
        try:
            self._read(stream, leaves_at, changes_at)
            if stream.failure is not None:
                self.failures.append(str(stream.failure))
        finally:
            stream.close()

    def _read(self, stream: FrameStream, leaves_at: int | None, changes_at: int | None) -> None:
        read = 0
        while self._may_play.is_set() and not self._over.is_set() and (leaves_at is None or read < leaves_at):
            if changes_at is not None and read >= changes_at:
                stream.set_sound(self._random.choice(SOUNDS))
                changes_at = None
            run = stream.run()
            if run is Gap.NOT_YET:
                time.sleep(POLL_SECONDS)
            elif isinstance(run, Gap):
                return
            else:
                read += self._take(run.take, run.frames)

    def _take(self, take: object, frames: int) -> int:
        taken = 0
        try:
            for _ in range(frames):
                take()  # type: ignore[operator]
                taken += 1
        except IndexError:
            pass
        self.frames += taken
        return taken
