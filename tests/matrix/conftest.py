"""One server on loopback and one source for all files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sources.media_server import MediaServer, media_server
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.ports.track_source import TrackSource


@pytest.fixture(scope="session")
def server() -> Iterator[MediaServer]:
    with media_server() as one:
        yield one


@pytest.fixture(scope="session")
def source(server: MediaServer) -> Iterator[TrackSource]:
    """The one place that knows which source it is: all else keeps to the port."""
    one = HttpTrackSource(server.allowed, resolve_seconds=20.0)
    yield one
    one.close()
