"""A melody in every format, a server to fetch it from, and a source that may."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.melody import Melody, compose
from sandbox.recording import Format, record
from tests.integration.sources.media_server import MediaServer, media_server
from tests.integration.sources.shared_media import shared_media
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_pool import MediaPool

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


@pytest.fixture
def source(server: MediaServer, filling: FillingThreads, media: MediaPool) -> Iterator[HttpTrackSource]:
    one = HttpTrackSource(server.allowed, filling=filling, media=media, resolve_seconds=10.0)
    yield one
    one.close()
