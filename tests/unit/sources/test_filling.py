"""Threads that fill buffers, some of whose steps wait for servers that hang."""

from __future__ import annotations

from collections.abc import Iterator
from os import sched_yield
from threading import Event, Lock, active_count
from time import monotonic

import pytest

from timmybot.adapters.sources.filling import PATIENT_AT_ONCE, FillingThreads

PATIENCE = 10.0


class HangingServers:
    """Steps that wait for a server until it is let go, as the fetcher's do; or without saying that they wait."""

    def __init__(self, threads: FillingThreads, let_go: Event, *, said: bool = True) -> None:
        self.let_go = let_go
        self._threads = threads
        self._said = said
        self.began = 0
        self._lock = Lock()

    def hang(self, host: str) -> None:
        def step() -> None:
            with self._lock:
                self.began += 1
            if not self._said:
                assert self.let_go.wait(PATIENCE)
                return
            with self._threads.waiting():
                assert self.let_go.wait(PATIENCE)

        self._threads.submit(step, host)


@pytest.fixture
def let_go() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


@pytest.fixture
def threads(let_go: Event) -> Iterator[FillingThreads]:
    one = FillingThreads(2, "test", most=8, most_a_host=3)
    yield one
    let_go.set()
    one.close()
    one.join(PATIENCE)


def runs(threads: FillingThreads, host: str = "good.example", *, within: float = PATIENCE) -> bool:
    done = Event()
    threads.submit(done.set, host)
    return done.wait(within)


def test_servers_that_hang_keep_nobody_else_waiting(threads: FillingThreads, let_go: Event) -> None:
    servers = HangingServers(threads, let_go)
    for number in range(4):
        servers.hang(f"slow{number}.example")

    assert all(runs(threads) for _ in range(20))


def test_steps_that_do_not_say_that_they_wait_stop_everybody(threads: FillingThreads, let_go: Event) -> None:
    """The negative control: what servers that hang do to a fixed number of threads."""
    servers = HangingServers(threads, let_go, said=False)
    for number in range(4):
        servers.hang(f"slow{number}.example")

    assert not runs(threads, within=0.1)


def test_one_host_gets_no_more_than_its_share_of_the_threads(threads: FillingThreads, let_go: Event) -> None:
    servers = HangingServers(threads, let_go)
    for _ in range(100):
        servers.hang("hostile.example")

    assert all(runs(threads) for _ in range(20))
    assert servers.began == 3

    servers.let_go.set()
    while servers.began < 100:
        assert runs(threads)


def test_without_a_share_one_host_takes_all_threads(let_go: Event) -> None:
    """The negative control."""
    threads = FillingThreads(2, "test", most=8, most_a_host=8)
    servers = HangingServers(threads, let_go)
    for _ in range(100):
        servers.hang("hostile.example")

    assert not runs(threads, within=0.1)

    servers.let_go.set()
    threads.close()
    threads.join(PATIENCE)


def test_the_threads_are_bounded_whatever_hangs(threads: FillingThreads, let_go: Event) -> None:
    before = active_count()
    servers = HangingServers(threads, let_go)
    for number in range(50):
        servers.hang(f"slow{number}.example")
    runs(threads, within=0.1)

    assert active_count() <= before + 8 - 2

    servers.let_go.set()
    while servers.began < 50:
        assert runs(threads)


def test_no_more_steps_are_at_work_than_there_are_places(threads: FillingThreads, let_go: Event) -> None:
    """However many have waited: those that come back from a wait stand in line for a place."""
    lock = Lock()
    at_work, most = 0, 0
    done = [Event() for _ in range(6)]

    def step(number: int) -> None:
        nonlocal at_work, most
        with threads.waiting():
            assert let_go.wait(PATIENCE)
        with lock:
            at_work += 1
            most = max(most, at_work)
        sum(range(20_000))
        with lock:
            at_work -= 1
        done[number].set()

    for number in range(6):
        threads.submit(lambda number=number: step(number), f"host{number}.example")  # type: ignore[misc]
    runs(threads)
    let_go.set()

    assert all(event.wait(PATIENCE) for event in done)
    assert most <= 2


def test_a_patient_step_runs_when_it_is_woken_or_hurried(threads: FillingThreads) -> None:
    one, other = Event(), Event()
    threads.submit(one.set, patient=True)
    threads.wake()
    assert one.wait(PATIENCE)
    threads.submit(other.set, patient=True)
    threads.hurry(other.set)
    assert other.wait(PATIENCE)


def test_so_many_patient_steps_run_in_one_go_that_pacing_is_not_kept_waiting(threads: FillingThreads) -> None:
    """Not more of them either where another step asks to go on, as one that makes sound anew does."""
    steps = [Event() for _ in range(PATIENT_AT_ONCE + 2)]
    for step in steps:
        threads.submit(step.set, patient=True)
    threads.wake()
    assert all(step.wait(PATIENCE) for step in steps[:PATIENT_AT_ONCE])
    for _ in range(3):
        assert runs(threads)
    assert not any(step.is_set() for step in steps[PATIENT_AT_ONCE:])
    threads.wake()
    assert all(step.wait(PATIENCE) for step in steps)


def test_closing_ends_all_threads_after_what_was_submitted(let_go: Event) -> None:
    threads = FillingThreads(2, "test")
    servers = HangingServers(threads, let_go)
    for number in range(5):
        servers.hang(f"slow{number}.example")
    threads.close()
    servers.let_go.set()
    threads.join(PATIENCE)

    assert servers.began == 5
    assert not threads._threads


def test_a_place_that_is_given_up_goes_to_whoever_is_back_from_the_network() -> None:
    """Though there is nothing else to do: else a hanging server holds up a stream whose own has answered."""
    threads = FillingThreads(1, "test")
    away, answered, taken, hangs, back = Event(), Event(), Event(), Event(), Event()

    def answered_quickly() -> None:
        with threads.waiting():
            away.set()
            assert answered.wait(PATIENCE)
            assert taken.wait(PATIENCE)
        back.set()

    def hanging() -> None:
        taken.set()
        until_waiting_for_the_place(threads)
        with threads.waiting():
            assert hangs.wait(PATIENCE)

    threads.submit(answered_quickly)
    assert away.wait(PATIENCE)
    threads.submit(hanging)
    answered.set()

    assert back.wait(PATIENCE)
    hangs.set()
    threads.close()
    threads.join(PATIENCE)


def until_waiting_for_the_place(threads: FillingThreads) -> None:
    """Until the other thread stands in line for the place that this one has."""
    give_up = monotonic() + PATIENCE
    while not threads._place_free._waiters:  # type: ignore[attr-defined]  # there is no other way to ask
        assert monotonic() < give_up
        sched_yield()
