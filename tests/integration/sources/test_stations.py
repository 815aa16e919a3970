"""Radio: streams without end, whose connection may break and be found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, status
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.playback import PAUSES, RETURNS, Playback
from timmybot.adapters.sources.stream import RETRY_SECONDS, BufferedStream, Marks


def station(data: bytes, *, named: bool = True) -> Behaviour:
    """Sends ``data`` and breaks off. An Icecast server tells of itself (``named``)."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type="audio/mpeg", **({"icy_name": "Radio Evening"} if named else {}))
        request.wfile.write(data)

    return behave


def back_at_the_last_try(data: bytes) -> Behaviour:
    asked: list[str] = []

    def behave(request: Handler) -> None:
        asked.append(request.path)
        (status(404) if len(asked) < RETURNS else station(data))(request)

    return behave


@contextmanager
def hearing(
    server: MediaServer, filling: FillingThreads, media: MediaPool, url: str, *, looks_a_second: int = 4_000
) -> Iterator[BufferedStream]:
    """With a clock that is a little further each time it is looked at."""
    seconds = iter(range(10**9))
    playback = Playback(url, AddressPolicy(server.allowed), media, filling.waiting)
    stream = BufferedStream(playback, filling, position_ms=60_000, monotonic=lambda: next(seconds) / looks_a_second)
    yield stream
    stream.close()


@pytest.mark.parametrize("format", [Format.MP3, Format.OGG_OPUS])
async def test_a_station_that_breaks_off_is_tuned_in_to_again(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    media: MediaPool,
    recorded: Recorded,
    format: Format,
) -> None:
    url = server.serve("/radio", station(recorded(format)))
    assert (await source.resolve(url)).duration_ms is None

    with hearing(server, filling, media, url) as stream:
        heard = drain(stream, filling, limit=2_000)  # 40 seconds, of a station that breaks off every 16

        assert len(heard) == 2_000
        assert stream.failure is None
        assert stream.live
        assert stream.position_ms == pytest.approx(60_000 + 40_000, abs=100)


def test_a_station_that_is_gone_is_given_up_after_a_few_tries(
    server: MediaServer, filling: FillingThreads, media: MediaPool, recorded: Recorded
) -> None:
    url = server.serve("/radio", station(recorded(Format.MP3)))

    with hearing(server, filling, media, url) as stream:
        heard = drain(stream, filling, limit=200)
        server.serve("/radio", status(404))
        heard += drain(stream, filling)

        assert 700 < len(heard) <= 1_700
        assert "404" in str(stream.failure)
    assert 1 + RETURNS <= len(server.requests) <= 3 + RETURNS


def test_a_station_that_is_back_within_a_buffers_patience_is_heard_on(
    server: MediaServer, filling: FillingThreads, media: MediaPool, recorded: Recorded
) -> None:
    """An Icecast server takes ten seconds to begin anew."""
    url = server.serve("/radio", station(recorded(Format.MP3)))

    with hearing(server, filling, media, url) as stream:
        heard = drain(stream, filling, limit=200)
        server.serve("/radio", back_at_the_last_try(recorded(Format.MP3)))
        heard += drain(stream, filling, limit=1_200)

        assert len(heard) == 1_400
        assert stream.failure is None


def test_the_pauses_rise_and_fit_into_the_patience_with_an_empty_buffer() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert Marks().stall_seconds - 3 < sum(PAUSES) * RETRY_SECONDS < Marks().stall_seconds


def test_what_does_not_say_that_it_is_a_station_ends_where_it_ends(
    server: MediaServer, filling: FillingThreads, media: MediaPool, recorded: Recorded
) -> None:
    """The negative control: a file that is made while it is sent has no length either, and is not played for ever."""
    url = server.serve("/made", station(recorded(Format.MP3), named=False))

    with hearing(server, filling, media, url) as stream:
        assert len(drain(stream, filling)) == pytest.approx(800, abs=5)
        assert not stream.live
        assert stream.failure is None
    assert len(server.requests) == 1
