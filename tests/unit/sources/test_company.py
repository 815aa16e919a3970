"""Streams that run low wait for each other, so that one waking of a thread fills many."""

from __future__ import annotations

from collections import deque

import pytest

from tests.fakes.reading import Reader, read
from tests.unit.sources.test_stream import Counting, Made
from timmybot.adapters.sources import stream as module
from timmybot.adapters.sources.filling import PATIENT_AT_ONCE, FillingThreads, Step
from timmybot.adapters.sources.stream import COMPANY_FRAMES, BufferedStream
from timmybot.ports.track_source import Gap

STREAMS = 30
SLOTS = 600


class Sleeper(FillingThreads):
    """One thread that is awake for no longer than there is something to do, and counts how often it was woken."""

    def __init__(self) -> None:
        super().__init__(0, "none")
        self.line: deque[Step] = deque()
        self.woken = 0
        self._following: deque[Step] = deque()
        self._awake = False

    def submit(self, step: Step, host: str = "", *, patient: bool = False) -> None:
        if patient:
            self.line.append(step)
        else:
            self._run(deque([step]))

    def wake(self) -> None:
        self._run(deque(self.line.popleft() for _ in range(min(len(self.line), PATIENT_AT_ONCE))))

    def hurry(self, step: Step, host: str = "") -> None:
        if step in self.line:
            self.line.remove(step)
            self._run(deque([step]))

    def _run(self, steps: deque[Step]) -> None:
        if not steps:
            return
        if self._awake:  # a step that goes on, on the thread that is awake anyway
            self._following.extend(steps)
            return
        self.woken += 1
        self._awake, self._following = True, steps
        while steps:
            steps.popleft()()
        self._awake = False


def wakings_while_all_play(threads: Sleeper) -> int:
    readers = [Reader(BufferedStream(Made(Counting().packets()), threads)) for _ in range(STREAMS)]
    for number, reader in enumerate(readers):  # each began at another moment
        for _ in range(number):
            reader.read()
    threads.woken = 0
    for _ in range(SLOTS):
        assert Gap.NOT_YET not in [reader.read() for reader in readers]
    return threads.woken


def test_streams_that_run_low_are_filled_in_one_go() -> None:
    assert wakings_while_all_play(Sleeper()) <= 2 * SLOTS / COMPANY_FRAMES


def test_negative_control_each_would_wake_a_thread_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPANY_FRAMES", 1_000)  # nobody has so much left, so nobody is patient
    assert wakings_while_all_play(Sleeper()) > 5 * SLOTS / COMPANY_FRAMES


def test_one_that_is_alone_is_filled_all_the_same() -> None:
    threads = Sleeper()
    reader = Reader(BufferedStream(Made(Counting().packets()), threads))
    threads.woken = 0
    assert all(reader.read() is not Gap.NOT_YET for _ in range(SLOTS))
    assert threads.woken == pytest.approx(SLOTS / 60, abs=2), "a refill of 50 and what was read while it stood in line"


def test_what_is_closed_in_line_is_let_go_at_once_however_many_stand_before_it() -> None:
    threads, sound = Sleeper(), Counting()
    before = [BufferedStream(Made(Counting().packets()), threads) for _ in range(2 * PATIENT_AT_ONCE)]
    stream = BufferedStream(Made(sound.packets()), threads)
    for each in (*before, stream):
        waiting = len(threads.line)
        while len(threads.line) == waiting:
            read(each)
    stream.close()
    assert sound.closed.is_set()
    assert len(threads.line) == len(before)
