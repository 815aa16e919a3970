"""One server on loopback and one source for all files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sources.media_server import MediaServer, media_server
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import FILLING_THREADS, HttpTrackSource
from timmybot.ports.track_source import TrackSource

PATIENCE_SECONDS = 5.0


@pytest.fixture(scope="session")
def server() -> Iterator[MediaServer]:
    with media_server() as one:
        yield one


@pytest.fixture(scope="module")
def source(server: MediaServer) -> Iterator[TrackSource]:
    """The one place that knows which source it is: all else keeps to the port.

    It ends with its module: tests of what is left over may run behind it, in the same process.
    """
    filling = FillingThreads(FILLING_THREADS, "filling")
    one = HttpTrackSource(server.allowed, resolve_seconds=20.0, filling=filling)
    yield one
    one.close()
    filling.join(PATIENCE_SECONDS)
