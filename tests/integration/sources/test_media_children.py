"""FFmpeg in children: what happens to streams when a child dies, and what a child cannot do."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.melody import Melody
from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import await_buffered, drain, share_of
from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_child import MediaChild, _shared_memory
from timmybot.adapters.sources.media_mark import SIBLINGS, SIBLINGS_AT
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, DecoderCrashed, Sound, TrackError

PATIENCE_SECONDS = 20.0
BEFORE_FRAMES = 100
"""Two seconds are heard before anything happens: the buffer behind them is full."""


@pytest.fixture
def media() -> Iterator[MediaPool]:
    pool = MediaPool(spare=True)
    yield pool
    pool.close()
    assert not pool.pids


@pytest.fixture
def source(server: MediaServer, filling: FillingThreads, media: MediaPool) -> Iterator[HttpTrackSource]:
    one = HttpTrackSource(server.allowed, filling=filling, resolve_seconds=10.0, media=media)
    yield one
    one.close()


@dataclass(frozen=True)
class Stage:
    server: MediaServer
    media: MediaPool
    source: HttpTrackSource
    recorded: Recorded
    melody: Melody
    filling: FillingThreads

    def url(self, format: Format) -> str:
        return self.server.serve("/song", content(self.recorded(format)))

    def play(self, format: Format, *, sound: Sound = AS_IT_IS, alone: bool = False) -> BufferedStream:
        return self.source.open(Track(self.url(format)), position_ms=0, sound=sound, alone=alone)

    def drain(self, stream: BufferedStream, limit: int = 1_000_000) -> list[bytes]:
        return drain(stream, self.filling, limit)

    def is_whole(self, stream: BufferedStream, heard: list[bytes]) -> bool:
        """Whether the melody was heard from its beginning to its end."""
        return (
            stream.failure is None
            and abs(len(heard) - 16_000 / 20) <= 3
            and share_of(self.melody, heard, from_ms=0) > 0.97
        )


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    server: MediaServer,
    media: MediaPool,
    source: HttpTrackSource,
    filling: FillingThreads,
) -> Stage:
    return Stage(server, media, source, request.getfixturevalue("recorded"), request.getfixturevalue("melody"), filling)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition()`` holds: what other processes do has no event to wait for."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < give_up, what
        os.sched_yield()


def playing_child(media: MediaPool) -> MediaChild:
    return next(child for child in media.children if child.stays)


def stopped_at_work(child: MediaChild, stream: BufferedStream, filling: FillingThreads) -> list[bytes]:
    """Stop the child in the middle of its work for a stream. Returns what was heard meanwhile."""
    heard: list[bytes] = []
    for _ in range(2_000):
        os.kill(child.pid, signal.SIGSTOP)
        until(lambda: stopped(child.pid), "it does not stop")
        if child.at_work:
            return heard
        os.kill(child.pid, signal.SIGCONT)
        heard += drain(stream, filling, limit=1)
    raise AssertionError("it never worked")


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize("format", [Format.MP3, Format.M4A, Format.AAC])
def test_a_stream_goes_on_at_its_place_when_its_child_is_killed(stage: Stage, format: Format) -> None:
    stream = stage.play(format)
    heard = stage.drain(stream, BEFORE_FRAMES)

    os.kill(playing_child(stage.media).pid, signal.SIGKILL)
    heard += stage.drain(stream)

    assert stage.is_whole(stream, heard)
    assert stage.media.begun >= 2


def test_sound_that_is_changed_goes_on_too_although_its_file_is_passed_through(stage: Stage) -> None:
    stream = stage.play(Format.WEBM_OPUS, sound=Sound(volume_percent=60))
    heard = stage.drain(stream, BEFORE_FRAMES)

    os.kill(playing_child(stage.media).pid, signal.SIGKILL)
    heard += stage.drain(stream)

    assert stage.is_whole(stream, heard)


def test_what_is_passed_through_needs_no_child_any_more(stage: Stage) -> None:
    stream = stage.play(Format.WEBM_OPUS)
    heard = stage.drain(stream, BEFORE_FRAMES)
    assert not any(child.sessions for child in stage.media.children)

    for pid in stage.media.pids:
        os.kill(pid, signal.SIGKILL)
    heard += stage.drain(stream)

    assert stage.is_whole(stream, heard)


def test_a_stream_that_crashes_its_child_is_named_and_the_others_go_on(stage: Stage) -> None:
    other = stage.play(Format.MP3)
    await_buffered(other, stage.filling, ms=5_000)
    culprit = stage.play(Format.MP3)
    child = playing_child(stage.media)
    stopped_at_work(child, culprit, stage.filling)

    os.kill(child.pid, signal.SIGSEGV)
    os.kill(child.pid, signal.SIGCONT)
    stage.drain(culprit)

    assert isinstance(culprit.failure, DecoderCrashed)
    assert stage.is_whole(other, stage.drain(other))


def test_nobody_is_blamed_for_what_came_from_outside(stage: Stage) -> None:
    """The control: the same stop in the middle of work, and a signal that no process brings upon itself."""
    stream = stage.play(Format.MP3)
    heard = stage.drain(stream, 10)
    child = playing_child(stage.media)
    heard += stopped_at_work(child, stream, stage.filling)

    os.kill(child.pid, signal.SIGKILL)
    heard += stage.drain(stream)

    assert stage.is_whole(stream, heard)


def test_a_child_that_stands_still_is_replaced(stage: Stage) -> None:
    stream = stage.play(Format.MP3)
    heard = stage.drain(stream, BEFORE_FRAMES)

    os.kill(playing_child(stage.media).pid, signal.SIGSTOP)
    heard += stage.drain(stream)

    assert stage.is_whole(stream, heard)


async def test_a_link_is_not_looked_at_where_a_closed_stream_is_still_computed_over(
    server: MediaServer, recorded: Recorded, filling: FillingThreads
) -> None:
    """FFmpeg cannot be interrupted: whoever comes next goes to another child."""
    media = MediaPool(spare=False)
    source = HttpTrackSource(server.allowed, filling=filling, media=media, resolve_seconds=10.0)
    url = server.serve("/song", content(recorded(Format.MP3)))
    stream = source.open(Track(url), position_ms=0)
    drain(stream, filling, 10)
    child = playing_child(media)
    stopped_at_work(child, stream, filling)
    stream.close()
    until(lambda: child.works_for_nobody, "its work is for somebody")

    assert (await source.resolve(url)).duration_ms

    assert media.begun == 2
    os.kill(child.pid, signal.SIGCONT)
    source.close()


def test_what_a_child_shared_is_given_back_when_it_is_reaped(stage: Stage) -> None:
    """Not when the last stream forgets it: the soak saw descriptors grow."""
    stream = stage.play(Format.MP3)
    assert stage.drain(stream, BEFORE_FRAMES)
    child = playing_child(stage.media)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: child not in stage.media.children, "it is reaped")
    until(lambda: child._memory.closed, "its memory is given back")
    assert child.at_work == 0
    stream.close()


def test_children_are_told_of_each_other_as_their_quota_is_one(stage: Stage) -> None:
    def siblings(child: MediaChild) -> set[int]:
        return set(SIBLINGS.unpack_from(child._memory, SIBLINGS_AT)) - {0}

    stream = stage.play(Format.MP3)
    until(lambda: len(stage.media.pids) > 1, "another stands by")
    until(
        lambda: all(siblings(child) == set(stage.media.pids) - {child.pid} for child in stage.media.children),
        "each knows all others",
    )
    stream.close()


def test_a_suspect_has_a_child_of_its_own_which_ends_with_it(stage: Stage) -> None:
    suspect, other = stage.play(Format.MP3, alone=True), stage.play(Format.MP3)
    stage.drain(suspect, 10)
    stage.drain(other, 10)

    (apart,) = [child for child in stage.media.children if child.alone]
    assert len(apart.sessions) == 1
    suspect.close()
    until(lambda: apart.pid not in stage.media.pids, "its child stays")
    other.close()


def test_a_suspect_that_crashes_alone_names_itself_again(stage: Stage) -> None:
    stream = stage.play(Format.MP3, alone=True)
    stage.drain(stream, 10)
    (child,) = [child for child in stage.media.children if child.alone]
    stopped_at_work(child, stream, stage.filling)

    os.kill(child.pid, signal.SIGABRT)
    os.kill(child.pid, signal.SIGCONT)
    stage.drain(stream)

    assert isinstance(stream.failure, DecoderCrashed)


async def test_a_refusal_for_want_of_memory_is_not_believed(
    source: HttpTrackSource, media: MediaPool, server: MediaServer
) -> None:
    url = server.serve("/nothing", content(b"no sound at all" * 1_000))
    with pytest.raises(TrackError, match="no audio at that address"):
        await source.resolve(url)
    assert not [child for child in media.children if child.alone]
    begun = media.begun
    (child,) = media.children

    child.address_space = 1
    with pytest.raises(TrackError, match="no audio at that address"):
        await source.resolve(url)

    assert media.begun == begun + 1, "it was asked of a child of its own, which was believed"


async def test_a_child_that_cannot_begin_is_told_of(server: MediaServer, recorded: Recorded) -> None:
    """A folder that hides the program, as an incomplete upgrade does."""
    source = HttpTrackSource(server.allowed, media=MediaPool(command=("false",), place_seconds=1.0))
    try:
        with pytest.raises(TrackError, match="Something went wrong"):
            await source.resolve(server.serve("/song", content(recorded(Format.MP3))))
    finally:
        source.close()


NONSENSE = """
import socket, sys
from timmybot.adapters.sources.children.ready import READY
from timmybot.adapters.sources.handover import taken
from timmybot.adapters.sources.media_messages import Wire
control = socket.socket(fileno=int(sys.argv[1]))
control.sendall(READY)
streams = []
while (stream := taken(control)) is not None:
    wire = Wire(stream[1])
    streams.append(wire)
    wire.receive()
    {deed}
"""


@pytest.mark.parametrize(
    "deed",
    [
        "wire.send(99, b'what nobody asked for')",
        "wire.send(42, b'[' * 60_000)",
        "wire.send(42, b'{' + b' ' * 70_000 + b'}')",
        "stream[1].sendall(bytes([42]) + (2**31).to_bytes(4, 'little'))",
        "wire.send(20, b'a place of nonsense')",
        "[(wire.send(20, (2**40).to_bytes(8, 'little') + bytes(6)), wire.receive()) for _ in range(5_000)]",
        "control.sendall(READY * 10)",
    ],
)
async def test_a_child_that_talks_nonsense_is_ended_and_its_file_refused(
    server: MediaServer, recorded: Recorded, deed: str
) -> None:
    media = MediaPool(command=(sys.executable, "-c", NONSENSE.format(deed=deed)), spare=False)
    source = HttpTrackSource(server.allowed, media=media)
    with pytest.raises(TrackError, match="Something went wrong while I was looking at that address"):
        await source.resolve(server.serve("/song", content(recorded(Format.MP3))))

    assert media.begun <= 5
    source.close()
    assert not media.pids


@pytest.mark.skipif(sys.platform != "linux", reason="memory is sealed on Linux")
def test_a_child_cannot_take_the_shared_memory_away() -> None:
    """The worker would end by SIGBUS at its next look."""
    memory, file, _ = _shared_memory()
    with pytest.raises(PermissionError):
        os.ftruncate(file.fileno(), 0)
    memory.close()
    file.close()


def test_no_process_and_no_descriptor_is_left_behind(
    server: MediaServer, recorded: Recorded, filling: FillingThreads
) -> None:
    others = children_of_ours()

    def round_trip() -> None:
        media = MediaPool(spare=False)
        source = HttpTrackSource(server.allowed, filling=FillingThreads(1, "short"), media=media)
        stream = source.open(Track(url), position_ms=0)
        await_buffered(stream, filling)
        os.kill(playing_child(media).pid, signal.SIGKILL)
        until(lambda: bool(media.begun) and not any(child.ended for child in media.children), "it is not reaped")
        stream.close()
        source.close()
        until(lambda: not children_of_ours() - others, "a process is left")

    url = server.serve("/song", content(recorded(Format.MP3)))
    round_trip()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        round_trip()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def children_of_ours() -> set[str]:
    return {
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text(encoding="ascii").split()
    }
