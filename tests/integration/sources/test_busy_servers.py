"""Servers that keep a thread computing without a byte of content to show for it."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

import pytest

from tests.integration.sources.media_server import Handler, MediaServer, raw
from tests.integration.sources.test_broken_connections import read_all
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.allowance import SILENT_CPU_SECONDS
from timmybot.adapters.sources.bounded import MOST_LINES
from timmybot.adapters.sources.content import MAX_BYTES, MOST_SKIPPED_BYTES, Content
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.ports.track_source import TrackError

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
TRAILER = b"a: b\r\n"
TOO_LONG_SECONDS = 30.0
"""None of it takes a second, but on a busy machine."""


class Looking:
    """A file of which ``look`` is made on a thread of its own, which a server may keep for ever."""

    def __init__(self, server: MediaServer, url: str, look: Callable[[HttpFile], object]) -> None:
        self.trouble: TrackError | None = None
        self.cpu_seconds = 0.0
        self._look = look
        self._file = HttpFile(url, AddressPolicy(server.allowed))
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def done_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self) -> None:
        self._file.abort()
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        begun = time.thread_time()
        try:
            self._look(self._file)
        except TrackError as trouble:
            self.trouble = trouble
        self.cpu_seconds = time.thread_time() - begun


def read_a_little(file: HttpFile) -> None:
    file.read(1_000)


ENDLESS = {
    "interim answers": raw(INTERIM * 100, INTERIM * 100),
    "trailers": raw(CHUNKED + b"\r\n0\r\n", TRAILER * 100),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_comes_without_end_beside_the_content_is_not_read_on(server: MediaServer, name: str) -> None:
    looking = Looking(server, server.serve("/busy", ENDLESS[name]), read_a_little)

    assert looking.done_within(TOO_LONG_SECONDS)
    assert looking.cpu_seconds < SILENT_CPU_SECONDS
    assert looking.trouble is not None
    looking.end()


@pytest.mark.parametrize("name", ENDLESS)
def test_negative_control_http_client_by_itself_reads_on(server: MediaServer, name: str) -> None:
    server.serve("/busy", ENDLESS[name])
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/busy")
    asked = connection.sock

    def read() -> None:
        with suppress(OSError, http.client.HTTPException):
            connection.getresponse().read1()

    thread = Thread(target=read, daemon=True)
    thread.start()
    thread.join(1.0)
    assert thread.is_alive()
    asked.shutdown(socket.SHUT_RDWR)
    thread.join()
    connection.close()


def test_what_an_honest_server_sends_beside_the_content_is_passed_over(server: MediaServer) -> None:
    chunks = b"".join(b"3\r\nabc\r\n" for _ in range(2 * MOST_LINES))
    url = server.serve("/good", raw(INTERIM * 3 + CHUNKED + b"\r\n" + chunks + b"0\r\n" + TRAILER * 20 + b"\r\n"))
    file = HttpFile(url, AddressPolicy(server.allowed))

    assert read_all(file) == b"abc" * 2 * MOST_LINES
    file.close()


def test_a_shoutcast_server_is_understood(server: MediaServer) -> None:
    """Its first version, that is: it says ICY where others say HTTP/1.0, and still sends much of the world's radio."""
    answer = b"ICY 200 OK\r\nicy-name: Radio Evening\r\ncontent-type: audio/mpeg\r\n\r\n"
    file = HttpFile(server.serve("/radio", raw(answer + b"music")), AddressPolicy(server.allowed))

    opened = file.open()
    assert (opened.station, opened.content_type, opened.size) == (True, "audio/mpeg", None)
    assert read_all(file) == b"music"
    file.close()


def test_only_the_first_line_is_taken_for_shoutcasts(server: MediaServer) -> None:
    url = server.serve("/odd", raw(INTERIM + b"ICY 200 OK\r\n\r\nmusic"))
    file = HttpFile(url, AddressPolicy(server.allowed))

    with pytest.raises(TrackError, match="cannot be reached"):
        file.open()
    file.close()


LONG = 30_000_000


def in_pieces_of_a_byte(request: Handler) -> None:
    """Says that it is long and lets itself be sought in."""
    span = f"Content-Range: bytes 0-{LONG - 1}/{LONG}\r\n\r\n".encode()
    raw(b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n" + span, b"1\r\nx\r\n" * 2_000)(request)


def go_far(file: HttpFile) -> None:
    assert file.seekable()
    file.seek(20_000_000)
    file.read(1_000)


def test_to_skip_what_comes_in_tiny_pieces_costs_what_computing_over_a_file_may_cost(server: MediaServer) -> None:
    looking = Looking(server, server.serve("/busy", in_pieces_of_a_byte), go_far)

    assert looking.done_within(TOO_LONG_SECONDS)
    assert looking.cpu_seconds < SILENT_CPU_SECONDS + 0.3
    assert "holds too much besides its sound" in str(looking.trouble)
    looking.end()


def test_negative_control_it_would_be_skipped_over_for_as_long_as_it_comes(server: MediaServer) -> None:
    url = server.serve("/busy", in_pieces_of_a_byte)
    spent = Event()

    def nobody_minds(_place: int) -> None:
        if time.thread_time() > 3 * SILENT_CPU_SECONDS:
            spent.set()

    content = Content(url, AddressPolicy(server.allowed), nobody_minds, pauses=())

    def skip() -> None:
        content.open()
        with suppress(TrackError):
            content.read(20_000_000, 1_000)

    thread = Thread(target=skip)
    thread.start()
    assert spent.wait(60.0)
    content.abort()
    thread.join()
    content.close()


def test_no_more_is_skipped_than_a_small_file_is_long(server: MediaServer) -> None:
    """A server that says the file is of gigabytes, and begins at its beginning whatever it is asked for."""
    size = MAX_BYTES - 1

    def from_the_beginning(request: Handler) -> None:
        request.begin(206, Content_Length=str(size), Content_Range=f"bytes 0-{size - 1}/{size}")
        while not request.server.stopping.is_set():
            request.wfile.write(bytes(65_536))

    file = HttpFile(server.serve("/a", from_the_beginning), AddressPolicy(server.allowed))
    assert file.seekable()
    file.seek(MOST_SKIPPED_BYTES // 8)
    assert file.read(10) == bytes(10)
    file.seek(MOST_SKIPPED_BYTES * 2)

    with pytest.raises(TrackError, match="does not let me go to a place in the file"):
        file.read(10)
    file.close()


def test_a_length_beside_chunks_is_not_believed(server: MediaServer) -> None:
    """RFC 9112, 6.3: so nothing is sought in what may have no end."""
    answer = CHUNKED + b"Content-Length: 30000\r\n\r\n5\r\nmusic\r\n0\r\n\r\n"
    file = HttpFile(server.serve("/a", raw(answer)), AddressPolicy(server.allowed))

    assert file.open().size is None
    assert not file.seekable()
    assert read_all(file) == b"music"
    file.close()
