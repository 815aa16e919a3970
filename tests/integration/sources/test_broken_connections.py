"""Connections that break while a file is being read."""

from __future__ import annotations

import socket
from threading import Event, Thread

import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, breaking, content, status
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.content import PAUSES
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.stream import Marks
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

DATA = bytes(range(256)) * 400
NO_PAUSES = (0.0, 0.0, 0.0)


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
    def gives_the_beginning_only(request: Handler) -> None:
        if request.headers.get("Range") == "bytes=0-":
            breaking(DATA, after=50_000)(request)
        else:
            breaking(DATA, after=0)(request)

    url = server.serve("/a", gives_the_beginning_only)
    file = HttpFile(url, AddressPolicy(server.allowed), pauses=NO_PAUSES)

    with pytest.raises(TrackError, match="The connection broke off"):
        read_all(file)
    assert len(server.requests) == 1 + len(NO_PAUSES)
    file.close()


def in_trouble_once(trouble: Behaviour) -> Behaviour:
    """A file whose connection breaks, and whose server is in trouble when it is asked the next time."""
    asked: list[str | None] = []

    def behave(request: Handler) -> None:
        asked.append(request.headers.get("Range"))
        if len(asked) == 1:
            breaking(DATA, after=50_000)(request)
        elif len(asked) == 2:
            trouble(request)
        else:
            content(DATA)(request)

    return behave


def hangs_up(request: Handler) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)


PASSING = {"503": status(503), "429": status(429), "no answer": hangs_up}


@pytest.mark.parametrize("name", PASSING)
def test_a_moments_trouble_of_the_server_is_got_over(server: MediaServer, name: str) -> None:
    url = server.serve("/a", in_trouble_once(PASSING[name]))
    file = HttpFile(url, AddressPolicy(server.allowed), pauses=NO_PAUSES)

    assert read_all(file) == DATA
    file.close()


@pytest.mark.parametrize("name", PASSING)
def test_negative_control_asked_once_only_it_ends_the_file(server: MediaServer, name: str) -> None:
    url = server.serve("/a", in_trouble_once(PASSING[name]))
    file = HttpFile(url, AddressPolicy(server.allowed), pauses=NO_PAUSES[:1])

    with pytest.raises(TrackError, match=r"ry again"):
        read_all(file)
    file.close()


@pytest.mark.parametrize("trouble", ["nobody knows the name", "nobody listens"])
def test_a_host_that_is_gone_for_a_moment_is_found_again(server: MediaServer, trouble: str) -> None:
    server.serve("/a", breaking(DATA, after=50_000))
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        if len(looked_up) != 2:
            return ["127.0.0.1"]
        if trouble == "nobody listens":
            return ["127.0.0.2"]
        raise OSError("no such host")

    name = f"music.example:{server.port}"
    file = HttpFile(f"http://{name}/a", AddressPolicy((name,), resolve), pauses=NO_PAUSES)

    assert read_all(file) == DATA
    assert len(looked_up) > 2
    file.close()


def test_a_server_that_stays_in_trouble_is_named_in_its_own_words(server: MediaServer) -> None:
    file = HttpFile(server.serve("/a", breaking(DATA, after=50_000)), AddressPolicy(server.allowed), pauses=NO_PAUSES)
    file.read(10)
    server.serve("/a", status(503))

    with pytest.raises(TrackError, match=r"trouble of its own \(503\)"):
        read_all(file)
    file.close()


def test_who_only_begins_is_told_of_the_trouble_at_once(server: MediaServer) -> None:
    file = HttpFile(server.serve("/a", status(503)), AddressPolicy(server.allowed), pauses=(3_600.0,))

    with pytest.raises(TrackError, match="503"):
        file.open()
    assert len(server.requests) == 1
    file.close()


def test_the_pauses_rise_and_end_before_a_player_gives_up() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert PAUSES[0] == 0.0, "most connections that break are well at once"
    assert sum(PAUSES) < Marks().stall_seconds


def test_an_abort_ends_a_pause(server: MediaServer) -> None:
    asked_again = Event()

    def gives_nothing_more(request: Handler) -> None:
        if len(server.requests) > 1:
            asked_again.set()
        breaking(DATA, after=1_000 if len(server.requests) == 1 else 0)(request)

    url = server.serve("/a", gives_nothing_more)
    file = HttpFile(url, AddressPolicy(server.allowed), pauses=(0.0, 3_600.0))

    def end() -> None:
        asked_again.wait(20.0)
        file.abort()

    ending = Thread(target=end)
    ending.start()

    with pytest.raises(TrackError, match="took too long"):
        read_all(file)
    ending.join()
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


def of_unknown_whole(data: bytes) -> Behaviour:
    """Gives parts, and does not say of how much (``*``, RFC 9110, 14.4)."""

    def behave(request: Handler) -> None:
        begin = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if begin >= len(data):
            status(416)(request)
            return
        span = f"bytes {begin}-{len(data) - 1}/*"
        request.begin(206, Content_Type="audio/mpeg", Content_Length=str(len(data) - begin), Content_Range=span)
        request.wfile.write(data[begin:])

    return behave


def test_a_part_of_an_unknown_whole_ends_where_it_ends(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    stream = source.open(Track(server.serve("/a", of_unknown_whole(recorded(Format.MP3)))), position_ms=0)

    assert len(drain(stream, filling)) == pytest.approx(800, abs=5)
    assert stream.failure is None
    assert len(server.requests) == 1
