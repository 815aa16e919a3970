"""Servers that need seven seconds for the first byte of each answer, on a clock that the server itself puts on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from sandbox.melody import compose
from sandbox.recording import Format, record
from tests.fakes.reading import read
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.connecting import SystemDialler
from timmybot.adapters.sources.content import SETTLED_BYTES, SLOW_SECONDS, Content
from timmybot.adapters.sources.exchange import ANSWER_SECONDS, READ_SECONDS
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import RESOLVE_SECONDS
from timmybot.adapters.sources.kinds import check_kind
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.media_session import MediaSession
from timmybot.adapters.sources.playback import Playback
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.ports.track_source import Gap, TrackError

SLOW = 7


class OwnClock(SystemDialler):
    """Connects really, and goes by a clock that stands still unless it is put on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def slow(behaviour: Behaviour, clock: OwnClock, each_second: Callable[[], None] = lambda: None) -> Behaviour:
    """The same file, the first byte of every answer seven seconds later."""

    def behave(request: Handler) -> None:
        for _ in range(SLOW):
            clock.now += 1.0
            each_second()
        behaviour(request)

    return behave


@pytest.fixture(scope="module")
def long_recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Too long for its end to be read on to from its beginning."""
    melody = compose("evening", voice=1, seconds=60.0)
    directory = tmp_path_factory.mktemp("long")
    kept: dict[Format, bytes] = {}

    def file_of(format: Format) -> bytes:
        if format not in kept:
            kept[format] = record(melody, directory, format).read_bytes()
        return kept[format]

    return file_of


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.mark.parametrize("format", Format)
def test_a_look_takes_two_answers_at_most_and_ends_within_its_time(
    server: MediaServer, media: MediaPool, clock: OwnClock, long_recorded: Recorded, format: Format
) -> None:
    url = server.serve("/song", slow(content(long_recorded(format)), clock))
    begun = clock.now

    with HttpFile(url, AddressPolicy(server.allowed, dialler=clock)) as file:
        check_kind(file)
        tags = media.run(file, MediaSession.look)

    assert tags.duration_ms == pytest.approx(60_000, abs=1_000)
    assert len(server.requests) <= 2
    assert clock.now - begun < RESOLVE_SECONDS


def test_negative_control_asked_again_for_what_it_gave_it_takes_longer(
    server: MediaServer, media: MediaPool, clock: OwnClock, long_recorded: Recorded
) -> None:
    """As of a server that is not seen to be slow."""
    url = server.serve("/song", slow(content(long_recorded(Format.M4A)), clock))
    begun = clock.now

    with HttpFile(url, AddressPolicy(server.allowed)) as file:
        check_kind(file)
        media.run(file, MediaSession.look)

    assert len(server.requests) == 3
    assert clock.now - begun > RESOLVE_SECONDS


@pytest.mark.parametrize("position_ms", [0, 40_000])
@pytest.mark.parametrize("format", Format)
def test_a_track_plays_from_the_beginning_and_from_far_into_it(
    *,
    server: MediaServer,
    media: MediaPool,
    filling: FillingThreads,
    clock: OwnClock,
    long_recorded: Recorded,
    format: Format,
    position_ms: int,
) -> None:
    """A player looks at the empty buffer in every second that the server takes."""
    is_there = Event()

    def nothing_yet() -> None:
        assert is_there.wait(20.0)
        if not done.is_set():
            assert read(stream) is not Gap.END, stream.failure

    done = Event()
    url = server.serve("/song", slow(content(long_recorded(format)), clock, nothing_yet))
    playback = Playback(url, AddressPolicy(server.allowed, dialler=clock), media, filling.waiting)
    stream = BufferedStream(playback, filling, position_ms=position_ms, monotonic=clock.monotonic)
    is_there.set()
    while stream.buffered_ms == 0 and stream.failure is None:
        done.wait(0.01)
    done.set()

    heard = drain(stream, filling)
    assert stream.failure is None
    assert len(heard) * 20 == pytest.approx(60_000 - position_ms, abs=500)
    stream.close()


def file_of(server: MediaServer, clock: OwnClock, behaviour: Behaviour) -> Content:
    return Content(server.serve("/a", behaviour), AddressPolicy(server.allowed, dialler=clock), lambda place: None)


@pytest.fixture
def contents() -> Iterator[list[Content]]:
    made: list[Content] = []
    yield made
    for one in made:
        one.close()


DATA = bytes(range(251)) * 60_000


def read_on(one: Content, place: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += one.read(place + len(data), size - len(data))
    return data


def test_reading_goes_on_where_it_jumped_away_from(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    one = file_of(server, clock, slow(content(DATA), clock))
    contents.append(one)

    for place in (0, 4_000_000, 20_000, 4_010_000, 100_000):
        assert read_on(one, place, 30_000) == DATA[place : place + 30_000]
    assert [asked for _, asked in server.requests] == ["bytes=0-", "bytes=4000000-"]


def test_negative_control_a_quick_server_is_asked_again_and_has_one_connection_at_a_time(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    one = file_of(server, clock, content(DATA))
    contents.append(one)

    for place in (0, 4_000_000, 40_000):
        read_on(one, place, 30_000)
    assert [asked for _, asked in server.requests] == ["bytes=0-", "bytes=4000000-", "bytes=40000-"]


def test_what_was_just_read_is_not_asked_for_again(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    one = file_of(server, clock, content(DATA))
    contents.append(one)

    for place in (0, 50_000, 0, 10, 49_990, 60_000, 20_000):
        assert read_on(one, place, 20_000) == DATA[place : place + 20_000]
    assert len(server.requests) == 1


def test_once_reading_jumps_no_more_nothing_is_kept(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    """One connection a stream, and no memory."""
    one = file_of(server, clock, slow(content(DATA), clock))
    contents.append(one)
    read_on(one, 0, 10_000)
    read_on(one, 4_000_000, 10_000)
    read_on(one, 10_000, SETTLED_BYTES + 10_000)
    assert len(server.requests) == 2

    read_on(one, SETTLED_BYTES, 1_000)
    assert server.requests[-1][1] == f"bytes={SETTLED_BYTES}-"
    assert len(server.requests) == 3


def test_a_server_that_was_slow_once_may_be_as_slow_again(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    slow_one = file_of(server, clock, slow(content(DATA), clock))
    contents.append(slow_one)
    assert slow_one._answer_seconds() == ANSWER_SECONDS == RESOLVE_SECONDS
    slow_one.open()
    assert slow_one._answer_seconds() == 2 * SLOW > READ_SECONDS

    quick = file_of(server, clock, content(DATA))
    contents.append(quick)
    quick.open()
    assert quick._answer_seconds() == READ_SECONDS
    assert SLOW_SECONDS < SLOW


def test_a_connection_that_was_kept_and_broke_meanwhile_is_taken_up_again(
    server: MediaServer, clock: OwnClock, contents: list[Content]
) -> None:
    connections: list[socket.socket] = []

    def behave(request: Handler) -> None:
        connections.append(request.connection)
        slow(content(DATA), clock)(request)

    one = Content(server.serve("/a", behave), AddressPolicy(server.allowed, dialler=clock), print, (0.0, 0.0))
    contents.append(one)
    read_on(one, 0, 10_000)
    read_on(one, 4_000_000, 10_000)
    connections[0].shutdown(socket.SHUT_RDWR)

    assert read_on(one, 10_000, 12_000_000) == DATA[10_000:12_010_000]
    assert len(server.requests) == 3


def test_an_abort_ends_both_connections(server: MediaServer, clock: OwnClock, contents: list[Content]) -> None:
    hangs = Event()

    def behave(request: Handler) -> None:
        if len(server.requests) == 2:
            hangs.set()
            request.server.stopping.wait()
        slow(content(DATA), clock)(request)

    one = file_of(server, clock, behave)
    contents.append(one)
    read_on(one, 0, 10_000)

    def abort() -> None:
        assert hangs.wait(20.0)
        one.abort()

    aborting = Thread(target=abort)
    aborting.start()
    with pytest.raises(TrackError, match="took too long"):
        one.read(4_000_000, 10)
    aborting.join()
    with pytest.raises(TrackError, match="took too long"):
        one.read(10_000, 10)
