"""The source of direct audio URLs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable
from typing import TypeVar

from timmybot.adapters.sources.addresses import AddressPolicy, Resolve, system_resolve
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.kinds import check_kind
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.media_session import MEASURE_SECONDS, MediaSession
from timmybot.adapters.sources.naming import title_of
from timmybot.adapters.sources.playback import Playback
from timmybot.adapters.sources.stream import BufferedStream, Marks
from timmybot.adapters.sources.urls import cleaned
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Loudness, Sound, TrackError

_log = logging.getLogger(__name__)

RESOLVE_SECONDS = 20.0
"""How long looking at a URL may take in all, however slowly its server dribbles."""

FILLING_THREADS = 4
PROBING_THREADS = 2
MEASURING_THREADS = 1

T = TypeVar("T")


class HttpTrackSource:
    """Implements :class:`timmybot.ports.track_source.TrackSource`.

    ``allow_hosts`` are ``host:port`` pairs that may be fetched from although they are not public. Looking at URLs has
    threads of its own, so that a server that hangs there keeps nobody's music waiting. FFmpeg runs in the children of
    ``media``.
    """

    def __init__(
        self,
        allow_hosts: tuple[str, ...] = (),
        *,
        marks: Marks | None = None,
        resolve: Resolve = system_resolve,
        resolve_seconds: float = RESOLVE_SECONDS,
        filling: FillingThreads | None = None,
        media: MediaPool | None = None,
    ) -> None:
        self._policy = AddressPolicy(allow_hosts, resolve)
        self._marks = marks or Marks()
        self._resolve_seconds = resolve_seconds
        self._filling = filling or FillingThreads(FILLING_THREADS, "filling")
        self._probing = FillingThreads(PROBING_THREADS, "probing")
        self._measuring = FillingThreads(MEASURING_THREADS, "measuring")
        self.media = media or MediaPool()

    async def resolve(self, url: str) -> Track:
        """What is at ``url``. Raises :class:`TrackError`."""
        url = cleaned(url)
        return await self._looked_at(url, self._probing, lambda file: self._look(file, url), self._resolve_seconds)

    async def measure(self, track: Track) -> Loudness | None:
        """How loud the track is; takes seconds, at a small share of a core. Raises :class:`TrackError`."""
        return await self._looked_at(track.url, self._measuring, self._measure, MEASURE_SECONDS)

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> BufferedStream:
        """Start buffering; returns at once."""
        playback = Playback(track.url, self._policy, self.media, self._filling.waiting, alone=alone)
        return BufferedStream(
            playback, self._filling, position_ms=position_ms, sound=sound, marks=self._marks, host=playback.host
        )

    def close(self) -> None:
        """End the threads. Streams that are still open get no more frames."""
        self._filling.close()
        self._probing.close()
        self._measuring.close()
        self.media.close()

    def _look(self, file: HttpFile, url: str) -> Track:
        check_kind(file)
        tags = self.media.run(file, MediaSession.look)
        opened = file.open()
        title = title_of({"title": tags.title, "artist": tags.artist}, url, opened.url, opened.told)
        return Track(url, title, tags.duration_ms)

    def _measure(self, file: HttpFile) -> Loudness | None:
        check_kind(file)
        return None if file.open().size is None else self.media.run(file, MediaSession.measure)

    async def _looked_at(self, url: str, threads: FillingThreads, look: Callable[[HttpFile], T], seconds: float) -> T:
        """What ``look`` makes of the file at ``url``, on one of ``threads``."""
        file = HttpFile(url, self._policy, threads.waiting)
        try:
            async with asyncio.timeout(seconds):
                return await _on(threads, file, look)
        except TimeoutError:
            raise TrackError("That address took too long to answer. Try again later.") from None
        finally:
            file.abort()


async def _on(threads: FillingThreads, file: HttpFile, look: Callable[[HttpFile], T]) -> T:
    """Have one of ``threads`` look at ``file``, and wait for what becomes of it."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def step() -> None:
        try:
            found = look(file)
        except TrackError as trouble:
            settle = functools.partial(_fail, outcome, trouble)
        except Exception:
            _log.exception("looking at a track failed")
            sorry = TrackError("Something went wrong while I was looking at that address. Try another file.")
            settle = functools.partial(_fail, outcome, sorry)
        else:
            settle = functools.partial(_succeed, outcome, found)
        finally:
            file.close()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)

    threads.submit(step, file.host)
    return await outcome


def _succeed(outcome: asyncio.Future[T], found: T) -> None:
    if not outcome.done():  # not given up meanwhile
        outcome.set_result(found)


def _fail(outcome: asyncio.Future[T], trouble: TrackError) -> None:
    if not outcome.done():
        outcome.set_exception(trouble)
