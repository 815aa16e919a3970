"""The buffer between decoding and the pacing thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from os import sched_yield
from threading import Event, get_ident
from time import monotonic

import pytest

from tests.fakes.reading import read
from timmybot.adapters.discord_voice.watchdog import FIRST_FRAME_SECONDS
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.frames import Frames
from timmybot.adapters.sources.patience import COMING_BYTES
from timmybot.adapters.sources.ramp import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.stream import TURN_FRAMES, BufferedStream, Marks
from timmybot.adapters.sources.stretch import Stretch
from timmybot.ports.track_source import FRAME_MS, Gap, Run, Sound, TrackError

PATIENCE = 10.0
MARKS = Marks(high=10, low=6, step=4, stall_seconds=15.0)


@pytest.fixture
def threads() -> Iterator[FillingThreads]:
    one = FillingThreads(1, "test")
    yield one
    one.close()
    one.join(PATIENCE)


def settle(threads: FillingThreads) -> None:
    """Wait until the one thread has done what was asked of it, steps that ask for another included."""
    for _ in range(20):
        done = Event()
        threads.submit(done.set)
        assert done.wait(PATIENCE)


def nothing() -> None:
    pass


@dataclass
class Made(Frames):
    """Frames from one generator, a run each, whatever is asked for."""

    packets: Generator[bytes | None, None, None]
    stop: Callable[[], None] = nothing
    live: bool = False
    begins_ms: float = 0.0
    received: int = 0

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        try:
            for packet in self.packets:
                yield None if packet is None else [packet]
        finally:
            self.packets.close()

    def abort(self) -> None:
        self.stop()

    def close(self) -> None:
        pass


class Counting:
    """A generator of numbered packets that knows how far it was driven."""

    def __init__(self, length: int = 1_000_000, failure: Exception | None = None) -> None:
        self.length = length
        self.failure = failure
        self.made = 0
        self.threads: set[int] = set()
        self.closed = Event()

    def packets(self) -> Generator[bytes, None, None]:
        try:
            while self.made < self.length:
                self.made += 1
                self.threads.add(get_ident())
                yield str(self.made).encode()
            if self.failure:
                raise self.failure
        finally:
            self.closed.set()


def test_a_buffer_fills_itself_to_its_mark_and_no_further(threads: FillingThreads) -> None:
    sound = Counting()
    stream = BufferedStream(Made(sound.packets()), threads, marks=MARKS)

    settle(threads)

    assert sound.made == MARKS.high
    assert get_ident() not in sound.threads
    stream.close()


def test_reading_fills_it_again_only_below_the_low_mark(threads: FillingThreads) -> None:
    sound = Counting()
    stream = BufferedStream(Made(sound.packets()), threads, marks=MARKS)
    settle(threads)

    first = [read(stream) for _ in range(4)]
    settle(threads)
    assert (first, sound.made) == ([b"1", b"2", b"3", b"4"], 10)

    read(stream)
    settle(threads)
    assert sound.made == 15
    stream.close()


class Loud(Frames):
    """Each frame tells its place and how loud it is."""

    live = False
    begins_ms = 0.0
    received = 0

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[Sequence[bytes], None, None]:
        for number in count(int(position_ms) // FRAME_MS):
            yield [f"{number} at {sound.volume_percent}".encode()]

    def abort(self) -> None: ...

    def close(self) -> None: ...


def test_a_run_is_over_where_the_sound_changes(threads: FillingThreads) -> None:
    stream = BufferedStream(Loud(), threads, marks=Marks(high=40, low=6, step=40))
    settle(threads)
    run = stream.run()
    assert isinstance(run, Run)
    assert run.frames == 34, "until it runs low"
    heard = [run.take() for _ in range(10)]
    stream.set_sound(Sound(volume_percent=50))
    settle(threads)
    assert stream.position_ms == 10 * FRAME_MS
    heard.extend(run.take() for _ in range(TURN_FRAMES))
    with pytest.raises(IndexError):
        run.take()
    heard.extend(packet for _ in range(3) if isinstance(packet := read(stream), bytes))
    assert heard == [f"{number} at {100 if number < 10 + TURN_FRAMES else 50}".encode() for number in range(17)]
    assert stream.position_ms == 17 * FRAME_MS
    stream.close()


def test_negative_control_a_run_that_went_on_would_play_seconds_of_the_old_sound(
    threads: FillingThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stretch, "end_at", lambda stretch, frame: None)
    stream = BufferedStream(Loud(), threads, marks=Marks(high=40, low=6, step=40))
    settle(threads)
    run = stream.run()
    assert isinstance(run, Run)
    stream.set_sound(Sound(volume_percent=50))
    settle(threads)
    assert [run.take() for _ in range(run.frames)][-1] == b"33 at 100"
    stream.close()


class Slow(Frames):
    """Frames that are named by their places. The first of another sound is long in coming, as when a child died."""

    live = False
    begins_ms = 0.0
    received = 0

    def __init__(self) -> None:
        self.asked, self.comes, self.goes_on = Event(), Event(), Event()

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        is_new = sound.volume_percent != 100
        if is_new and not self.comes.is_set():
            self.asked.set()
            assert self.comes.wait(PATIENCE)
        first = round(position_ms / FRAME_MS)
        for number in count(first):
            if is_new and number == first + RAMP_FRAMES + TURN_FRAMES:
                assert self.goes_on.wait(PATIENCE)
            yield [str(number).encode()]

    def abort(self) -> None:
        self.comes.set()
        self.goes_on.set()

    def close(self) -> None:
        pass


@pytest.mark.parametrize("read_meanwhile", [2, 12, 30, 45])
def test_what_is_read_while_another_sound_is_long_in_coming_is_not_heard_again(
    threads: FillingThreads, read_meanwhile: int
) -> None:
    marks = Marks(high=40, low=30, step=4)
    source = Slow()
    stream = BufferedStream(source, threads, marks=marks)
    settle(threads)

    stream.set_sound(Sound(volume_percent=50))
    assert source.asked.wait(PATIENCE)
    heard = [read(stream) for _ in range(read_meanwhile)]
    source.comes.set()
    give_up = monotonic() + PATIENCE
    while stream._following is None and monotonic() < give_up:
        sched_yield()
    heard += [read(stream) for _ in range(3)]
    source.goes_on.set()
    settle(threads)
    heard += [read(stream) for _ in range(20)]

    frames = [int(frame) for frame in heard if isinstance(frame, bytes)]
    assert frames == list(range(len(frames)))
    stream.close()


def test_a_run_is_over_when_the_stream_is_closed_and_the_place_stays(threads: FillingThreads) -> None:
    stream = BufferedStream(Loud(), threads, marks=MARKS)
    settle(threads)
    run = stream.run()
    assert isinstance(run, Run)
    run.take()
    stream.close()
    settle(threads)
    with pytest.raises(IndexError):
        run.take()
    assert stream.position_ms == FRAME_MS


def test_every_packet_comes_once_in_order_and_then_the_end(threads: FillingThreads) -> None:
    stream = BufferedStream(Made(Counting(37).packets()), threads, marks=MARKS)

    heard = []
    while (packet := read(stream)) is not Gap.END:
        if packet is Gap.NOT_YET:
            settle(threads)
        else:
            heard.append(packet)

    assert heard == [str(n).encode() for n in range(1, 38)]
    assert stream.failure is None
    assert read(stream) is Gap.END


def test_a_failure_is_known_before_the_end_is_read(threads: FillingThreads) -> None:
    failure = TrackError("gone")
    stream = BufferedStream(Made(Counting(2, failure).packets()), threads, marks=MARKS)
    settle(threads)

    assert [read(stream), read(stream)] == [b"1", b"2"]
    assert stream.failure is failure
    assert read(stream) is Gap.END


def test_an_unforeseen_error_ends_the_track_with_a_sentence(
    threads: FillingThreads, caplog: pytest.LogCaptureFixture
) -> None:
    stream = BufferedStream(Made(Counting(0, RuntimeError("a bug")).packets()), threads, marks=MARKS)
    settle(threads)

    assert read(stream) is Gap.END
    assert "Something went wrong" in str(stream.failure)
    assert "a bug" in caplog.text


def test_closing_does_not_wait_for_a_read_that_hangs_and_has_it_let_go(threads: FillingThreads) -> None:
    began, aborted, closed = Event(), Event(), Event()

    def hangs() -> Generator[bytes, None, None]:
        try:
            began.set()
            assert aborted.wait(PATIENCE)
            yield b"too late"
        finally:
            closed.set()

    stream = BufferedStream(Made(hangs(), aborted.set), threads, marks=MARKS)
    assert began.wait(PATIENCE)
    assert read(stream) is Gap.NOT_YET

    stream.close()

    assert closed.wait(PATIENCE)
    assert read(stream) is Gap.END


def test_what_the_generator_holds_is_let_go_on_the_filling_thread(threads: FillingThreads) -> None:
    sound = Counting()
    stream = BufferedStream(Made(sound.packets()), threads, marks=MARKS)
    settle(threads)

    stream.close()
    stream.close()

    assert sound.closed.wait(PATIENCE)
    assert read(stream) is Gap.END


def test_a_server_that_sends_nothing_for_long_is_given_up(threads: FillingThreads) -> None:
    now = [0.0]
    aborted = Event()

    def hangs() -> Generator[bytes, None, None]:
        assert aborted.wait(PATIENCE)
        raise TrackError("aborted")
        yield b""

    stream = BufferedStream(Made(hangs(), aborted.set), threads, marks=MARKS, monotonic=lambda: now[0])
    assert read(stream) is Gap.NOT_YET
    now[0] = 14.0
    assert read(stream) is Gap.NOT_YET

    now[0] = 15.1
    read(stream)

    assert aborted.is_set()
    assert read(stream) is Gap.END
    assert "stopped sending" in str(stream.failure)


class Coming(Frames):
    """Bytes that no frame has come of yet."""

    live = False
    begins_ms = 0.0
    received = 0

    def __init__(self) -> None:
        self.reached = Event()
        self.aborted = False

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[Sequence[bytes], None, None]:
        assert self.reached.wait(PATIENCE)
        if self.aborted:
            raise TrackError("aborted")
        yield [b"there"]

    def abort(self) -> None:
        self.aborted = True
        self.reached.set()

    def close(self) -> None: ...


def heard_of(coming: Coming, threads: FillingThreads, *, bytes_a_second: int, reached_after: int) -> BufferedStream:
    """A stream whose frames come after so many seconds, read once in each."""
    now = [0.0]
    stream = BufferedStream(coming, threads, marks=MARKS, monotonic=lambda: now[0])
    while now[0] < reached_after and read(stream) is Gap.NOT_YET:
        now[0] += 1.0
        coming.received += bytes_a_second
    coming.reached.set()
    settle(threads)
    return stream


def test_a_file_that_is_read_up_to_a_far_place_is_waited_for_as_long_as_it_comes(threads: FillingThreads) -> None:
    stream = heard_of(Coming(), threads, bytes_a_second=COMING_BYTES // 10, reached_after=100)
    assert read(stream) == b"there"
    assert stream.failure is None


def test_a_stream_gives_up_by_itself_before_the_watchdog_does() -> None:
    """Which would open it again, and have it begin anew."""
    assert Marks().stall_seconds < Marks().reach_seconds < FIRST_FRAME_SECONDS


def test_one_file_opened_after_the_other_is_something_that_comes(threads: FillingThreads) -> None:
    coming = Coming()
    now = [0.0]
    stream = BufferedStream(coming, threads, marks=MARKS, monotonic=lambda: now[0])
    for received in (0, 50_000_000, 0):
        coming.received = received
        assert read(stream) is Gap.NOT_YET
        now[0] += 14.0
    coming.abort()


@pytest.mark.parametrize(
    ("bytes_a_second", "why"),
    [(COMING_BYTES // 20, "stopped sending"), (10 * COMING_BYTES, "only be read from its beginning")],
    ids=["too little", "for too long"],
)
def test_negative_control_what_comes_without_end_or_hardly_at_all_is_given_up(
    threads: FillingThreads, bytes_a_second: int, why: str
) -> None:
    coming = Coming()
    stream = heard_of(coming, threads, bytes_a_second=bytes_a_second, reached_after=1_000)
    assert coming.aborted
    assert read(stream) is Gap.END
    assert why in str(stream.failure)


class Breaking(Frames):
    """A station of which one frame comes at a time, and then nothing for now."""

    live = True
    begins_ms = 0.0
    received = 0

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        yield [b"loud" if ramp is None else b"fading"]
        yield None
        yield [b"loud", b"loud", b"loud"]

    def abort(self) -> None: ...

    def close(self) -> None: ...


def test_a_fade_that_a_break_comes_into_ends_there_and_nothing_is_loud_after_it(threads: FillingThreads) -> None:
    now = [0.0]
    stream = BufferedStream(Breaking(), threads, marks=MARKS, monotonic=lambda: now[0])
    settle(threads)
    assert [read(stream), read(stream)] == [b"loud", Gap.NOT_YET]

    stream.fade_out()
    settle(threads)
    heard = [read(stream)]
    for now[0] in range(1, 10):
        heard.append(read(stream))
        settle(threads)

    assert heard == [b"fading"] + 9 * [Gap.FADED]
    stream.fade_in()
    settle(threads)
    assert read(stream) == b"fading", "in again, from where it was"
    assert stream.failure is None
    stream.close()


def test_negative_control_without_a_fade_what_comes_after_the_break_is_heard(threads: FillingThreads) -> None:
    now = [0.0]
    stream = BufferedStream(Breaking(), threads, marks=MARKS, monotonic=lambda: now[0])
    settle(threads)
    assert [read(stream), read(stream)] == [b"loud", Gap.NOT_YET]
    now[0] = 2.0
    assert read(stream) is Gap.NOT_YET
    settle(threads)
    assert read(stream) == b"loud"
    stream.close()


class Unclosable(Loud):
    """Whose frames cannot be closed, as often as it is tried."""

    def __init__(self) -> None:
        self.closed = Event()

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[Sequence[bytes], None, None]:
        try:
            yield from super().frames(position_ms, sound, ramp)
        finally:
            raise RuntimeError("a bug")

    def close(self) -> None:
        self.closed.set()


def test_a_step_that_fails_unforeseen_is_the_last_but_for_letting_go(
    threads: FillingThreads, caplog: pytest.LogCaptureFixture
) -> None:
    source = Unclosable()
    stream = BufferedStream(source, threads, marks=MARKS)
    settle(threads)

    stream.set_sound(Sound(volume_percent=50))
    settle(threads)

    heard = [read(stream) for _ in range(MARKS.high)]
    assert heard[-1] == f"{MARKS.high - 1} at 100".encode(), "what was buffered is heard"
    assert read(stream) is Gap.END
    assert "Something went wrong" in str(stream.failure)
    assert caplog.text.count("a bug") < 5, "it is not tried again and again"
    source.closed.clear()
    stream.close()
    assert source.closed.wait(PATIENCE), "what it holds is let go"


def test_a_stream_that_hangs_leaves_the_other_threads_to_the_others() -> None:
    two = FillingThreads(2, "test")
    release, full = Event(), Event()

    def hangs() -> Generator[bytes, None, None]:
        assert release.wait(PATIENCE)
        yield b""

    def plays() -> Generator[bytes, None, None]:
        for number in range(MARKS.high + 1):
            if number == MARKS.high:
                full.set()
            yield b"x"

    hung = BufferedStream(Made(hangs(), release.set), two, marks=MARKS)
    good = BufferedStream(Made(plays()), two, marks=Marks(high=MARKS.high + 1, low=6, step=4))
    assert full.wait(PATIENCE)
    assert read(hung) is Gap.NOT_YET
    for stream in (hung, good):
        stream.close()
    two.close()
    two.join(PATIENCE)
