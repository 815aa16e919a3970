"""A melody in every format, a server to fetch it from, and a source that may."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.melody import Melody, compose
from sandbox.recording import Format, record
from tests.integration.sources.media_here import MediaHere
from tests.integration.sources.media_server import MediaServer, media_server
from tests.integration.sources.shared_media import shared_media
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Sound

Recorded = Callable[[Format], bytes]


@pytest.fixture(scope="session")
def melody() -> Melody:
    return compose("evening", voice=1, seconds=16.0)


@pytest.fixture(scope="session")
def recorded(melody: Melody, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    directory = tmp_path_factory.mktemp("recordings")
    kept: dict[Format, bytes] = {}

    def file_of(format: Format) -> bytes:
        if format not in kept:
            kept[format] = record(melody, directory, format).read_bytes()
        return kept[format]

    return file_of


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with media_server() as one:
        yield one


@pytest.fixture
def filling() -> Iterator[FillingThreads]:
    threads = FillingThreads(2, "test-filling")
    yield threads
    threads.close()
    threads.join(10.0)


@pytest.fixture(scope="module")
def media() -> Iterator[MediaPool]:
    with shared_media() as one:
        yield one


class TidySource(HttpTrackSource):
    """Closes the streams that it has opened, as players do."""

    def __init__(self, server: MediaServer, filling: FillingThreads, media: MediaPool) -> None:
        super().__init__(server.allowed, filling=filling, media=media, resolve_seconds=10.0)
        self._opened: list[BufferedStream] = []

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> BufferedStream:
        self._opened.append(super().open(track, position_ms=position_ms, sound=sound, alone=alone))
        return self._opened[-1]

    def close(self) -> None:
        for stream in self._opened:
            stream.close()
        super().close()


@pytest.fixture
def source(server: MediaServer, filling: FillingThreads, media: MediaPool) -> Iterator[HttpTrackSource]:
    one = TidySource(server, filling, media)
    yield one
    one.close()


@pytest.fixture
def source_here(server: MediaServer, filling: FillingThreads) -> Iterator[HttpTrackSource]:
    """Without a media child: what that does, a thread of this process does, where a test can change it."""
    one = TidySource(server, filling, MediaHere())
    yield one
    one.close()
