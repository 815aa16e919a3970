"""A child that nobody waits for begins in turns, so that the CPU quota is left to those who play."""

from __future__ import annotations

from dataclasses import dataclass, field

from timmybot.adapters.sources.slow_start import AWAITED_TURN_SECONDS, PERIOD_SECONDS, TURN_SECONDS, SlowStart


@dataclass
class Time:
    now: float = 0.0
    runs: list[Process] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for each in self.runs:
            each.ran_seconds += 0.0 if each.stands_still else seconds


@dataclass
class Process:
    stands_still: bool = False
    ran_seconds: float = 0.0

    def stand_still(self) -> None:
        self.stands_still = True

    def go_on(self) -> None:
        self.stands_still = False


def test_a_process_that_begins_gets_its_share_however_often_it_is_looked_at() -> None:
    time, process = Time(), Process()
    time.runs.append(process)
    start = SlowStart(time.monotonic, time.sleep)
    start.let_run([process])
    while time.now < 10 * PERIOD_SECONDS:
        start.let_run([process])
        time.sleep(PERIOD_SECONDS / 50)
    assert 8 * TURN_SECONDS < process.ran_seconds < 12 * TURN_SECONDS


def test_a_process_stands_still_from_the_moment_it_is_seen_to_its_first_turn() -> None:
    time, first, second = Time(), Process(), Process()
    start = SlowStart(time.monotonic, time.sleep)
    start.let_run([first])
    start.let_run([first, second])
    assert second.stands_still
    assert start.seconds_to_turn() > 0
    time.now += PERIOD_SECONDS
    assert start.seconds_to_turn() == 0


def test_nobody_is_waited_for_where_nobody_begins() -> None:
    time = Time()
    SlowStart(time.monotonic, time.sleep).let_run([])
    assert time.now == 0


def test_one_that_a_stream_waits_for_gets_longer_turns_and_never_the_whole_of_a_small_quota() -> None:
    time, process = Time(), Process()
    time.runs.append(process)
    start = SlowStart(time.monotonic, time.sleep)
    start.let_run([process], AWAITED_TURN_SECONDS)
    while time.now < 10 * PERIOD_SECONDS:
        start.let_run([process], AWAITED_TURN_SECONDS)
        time.sleep(PERIOD_SECONDS / 50)
    assert 8 * AWAITED_TURN_SECONDS < process.ran_seconds < 0.25 * 10 * PERIOD_SECONDS
