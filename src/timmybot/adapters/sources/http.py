"""The source of direct audio URLs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from timmybot.adapters.sources.addresses import AddressPolicy, Resolve, system_resolve
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.playback import Playback
from timmybot.adapters.sources.probe import probe
from timmybot.adapters.sources.stream import BufferedStream, Marks
from timmybot.adapters.sources.urls import cleaned
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

_log = logging.getLogger(__name__)

RESOLVE_SECONDS = 20.0
"""How long looking at a URL may take in all, however slowly its server dribbles."""

FILLING_THREADS = 4
PROBING_THREADS = 2


class HttpTrackSource:
    """Implements :class:`timmybot.ports.track_source.TrackSource`.

    ``allow_hosts`` are ``host:port`` pairs that may be fetched from although they are not public. Looking at URLs has
    threads of its own, so that a server that hangs there keeps nobody's music waiting.
    """

    def __init__(
        self,
        allow_hosts: tuple[str, ...] = (),
        *,
        marks: Marks | None = None,
        resolve: Resolve = system_resolve,
        resolve_seconds: float = RESOLVE_SECONDS,
        filling: FillingThreads | None = None,
    ) -> None:
        self._policy = AddressPolicy(allow_hosts, resolve)
        self._marks = marks or Marks()
        self._resolve_seconds = resolve_seconds
        self._filling = filling or FillingThreads(FILLING_THREADS, "filling")
        self._probing = FillingThreads(PROBING_THREADS, "probing")

    async def resolve(self, url: str) -> Track:
        """What is at ``url``. Raises :class:`TrackError`."""
        url = cleaned(url)
        file = HttpFile(url, self._policy)
        try:
            async with asyncio.timeout(self._resolve_seconds):
                return await _on(self._probing, lambda: _probe(file, url))
        except TimeoutError:
            raise TrackError("That address took too long to answer. Try again later.") from None
        finally:
            file.abort()

    def open(self, track: Track, *, position_ms: int) -> BufferedStream:
        """Start buffering; returns at once."""
        playback = Playback(track.url, self._policy)
        return BufferedStream(playback.packets(position_ms), self._filling, abort=playback.abort, marks=self._marks)

    def close(self) -> None:
        """End the threads. Streams that are still open get no more frames."""
        self._filling.close()
        self._probing.close()


def _probe(file: HttpFile, url: str) -> Track:
    try:
        return probe(file, url)
    except TrackError:
        raise
    except Exception as error:
        _log.exception("looking at a track failed")
        raise TrackError("Something went wrong while I was looking at that address. Try another file.") from error
    finally:
        file.close()


async def _on(threads: FillingThreads, work: Callable[[], Track]) -> Track:
    """Have one of ``threads`` do ``work``, and wait for what becomes of it."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Track] = loop.create_future()

    def step() -> None:
        try:
            track, error = work(), None
        except Exception as caught:
            track, error = None, caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, outcome, track, error)

    threads.submit(step)
    return await outcome


def _settle(outcome: asyncio.Future[Track], track: Track | None, error: Exception | None) -> None:
    if outcome.done():
        return  # given up meanwhile
    if error is not None:
        outcome.set_exception(error)
    else:
        assert track is not None
        outcome.set_result(track)
