"""Connections that break while a file is being read."""

from __future__ import annotations

import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import Handler, MediaServer, breaking, content, status
from timmybot.adapters.sources import HttpTrackSource
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.content import RECONNECTS
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError


def read_all(file: HttpFile) -> bytes:
    parts = []
    while data := file.read(10_000):
        parts.append(data)
    return b"".join(parts)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    whole = drain(source.open(Track(server.serve("/a", content(recorded(Format.MP3)))), position_ms=0), filling)
    server.requests.clear()

    stream = source.open(Track(server.serve("/b", breaking(recorded(Format.MP3), after=30_000))), position_ms=0)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert heard == whole
    assert len(server.requests) > 3
    assert len({asked for _, asked in server.requests}) == len(server.requests), "each goes on where the last broke"


def test_a_server_that_gives_nothing_more_is_given_up_after_a_few_tries(server: MediaServer) -> None:
    data = bytes(range(256)) * 400

    def gives_the_beginning_only(request: Handler) -> None:
        if request.headers.get("Range") == "bytes=0-":
            breaking(data, after=50_000)(request)
        else:
            breaking(data, after=0)(request)

    file = HttpFile(server.serve("/a", gives_the_beginning_only), AddressPolicy(server.allowed))

    with pytest.raises(TrackError, match="The connection broke off"):
        read_all(file)
    assert len(server.requests) == 1 + RECONNECTS
    file.close()


def test_a_link_that_has_expired_meanwhile_is_said_to_be_refused(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    """lavaplayer #79: an address that is good for some hours only, or a connection that does not outlast a long pause.

    What was buffered is heard; then the server is asked once more, and what it says ends the track with a sentence.
    """
    data = recorded(Format.MP3)

    def expires(request: Handler) -> None:
        if len(server.requests) == 1:
            breaking(data, after=60_000)(request)
        else:
            status(403)(request)

    stream = source.open(Track(server.serve("/a", expires)), position_ms=0)
    heard = drain(stream, filling)

    assert len(heard) > 100
    assert "403" in str(stream.failure)
    assert len(server.requests) == 2


def test_a_server_without_ranges_is_read_again_up_to_the_place(server: MediaServer) -> None:
    data = bytes(range(256)) * 400
    file = HttpFile(server.serve("/a", content(data, ranges=False)), AddressPolicy(server.allowed))

    assert file.seekable()
    file.seek(70_000)
    assert file.read(10) == data[70_000:70_010]
    file.seek(5)
    assert file.read(10) == data[5:15]
    file.seek(-4, 2)
    assert read_all(file) == data[-4:]
    file.close()


def test_a_file_that_changes_meanwhile_is_not_mixed_up(server: MediaServer) -> None:
    data = bytes(300_000)
    file = HttpFile(server.serve("/a", breaking(data, after=50_000)), AddressPolicy(server.allowed))
    assert file.read(10_000)
    server.serve("/a", content(data + b"more"))

    with pytest.raises(TrackError, match="changed while I was reading"):
        read_all(file)
    file.close()


def test_a_live_stream_that_breaks_is_over_and_not_begun_again(server: MediaServer) -> None:
    def cut_off(request: Handler) -> None:
        request.begin(200, Transfer_Encoding="chunked")
        request.wfile.write(b"3e8\r\n" + bytes(1_000) + b"\r\n3e8\r\n" + bytes(10))

    file = HttpFile(server.serve("/radio", cut_off), AddressPolicy(server.allowed))

    with pytest.raises(TrackError, match="The connection broke off"):
        read_all(file)
    assert len(server.requests) == 1
    file.close()


def test_a_part_that_was_not_asked_for_is_refused(server: MediaServer) -> None:
    def late(request: Handler) -> None:
        request.begin(206, Content_Range="bytes 100-199/200", Content_Length="100")

    file = HttpFile(server.serve("/a", late), AddressPolicy(server.allowed))

    with pytest.raises(TrackError, match="another part of the file"):
        file.open()
    file.close()
