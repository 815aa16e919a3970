"""The few threads that fill all buffers.

A thread per player would cost memory and the pacer's punctuality, so a process has a fixed number of threads *at work*.
What they run are short steps: fill a little, then stand in line again.

To wake a thread costs as much as a step. So who is in no hurry stands in line patiently, and one waking is for several.

A step that waits for the network is not at work: it gives its place up meanwhile, and another thread, kept for that or
begun anew, takes the next step. So a server that hangs holds up its own music and nobody else's. Two bounds keep that
from becoming a thread per hanging server: ``most`` threads in all, and ``most_a_host`` steps begun for any one host,
whose further steps are put aside meanwhile.

**The limit**: whoever has as many host names hang as there are threads still holds up everybody, for as long as the
fetcher's time-outs let him, which the buffers are there to bridge.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Condition, Lock, Thread, current_thread

_log = logging.getLogger(__name__)

Step = Callable[[], None]
Waiting = Callable[[], AbstractContextManager[None]]
"""Says, for the length of a ``with``, that the thread does nothing but wait."""

PATIENT_AT_ONCE = 16
"""How many patient steps one waking is for: some five milliseconds, for which pacing has to share the interpreter."""

MOST_THREADS = 48
MOST_A_HOST = 12
LINGER_SECONDS = 10.0
"""How long a thread that is not needed any more stays: as long as the server's next hiccup may take to come."""


class FillingThreads:
    """Runs steps in the order they were submitted, but patient ones behind all others.

    The threads are daemons: they hold up no exit.
    """

    def __init__(self, count: int, name: str, *, most: int = MOST_THREADS, most_a_host: int = MOST_A_HOST) -> None:
        self._count = count
        self._name = name
        self._most = max(count, most)
        self._most_a_host = most_a_host
        self._steps: deque[tuple[Step, str]] = deque()
        self._patient: deque[tuple[Step, str]] = deque()
        """Steps for which no thread is woken."""
        self._patient_due = 0
        """How many of them may run now."""
        self._aside: dict[str, deque[tuple[Step, str]]] = {}
        self._begun_of: Counter[str] = Counter()
        """How many steps are begun and not done, by host."""
        self._waiting = 0
        self._at_work = 0
        self._closing = False
        lock = Lock()  # held for microseconds: the pacing thread submits
        self._work_to_do = Condition(lock)
        self._place_free = Condition(lock)
        self._threads: list[Thread] = []
        self._begun = 0
        for _ in range(count):
            self._begin_thread()

    def submit(self, step: Step, host: str = "", *, patient: bool = False) -> None:
        """Have ``step``, which may wait for ``host``, run soon; a ``patient`` one when it is woken. Never waits."""
        with self._work_to_do:
            if patient:
                self._patient.append((step, host))
                return
            self._steps.append((step, host))
            self._work_to_do.notify()

    def wake(self) -> None:
        """Have the patient steps that have stood in line for longest run soon. Never waits."""
        with self._work_to_do:
            self._patient_due = min(self._patient_due + PATIENT_AT_ONCE, len(self._patient))
            if self._patient_due and self._at_work < self._count:
                self._work_to_do.notify()

    def hurry(self, step: Step, host: str = "") -> None:
        """Have ``step`` run soon, if it is still in line with the patient ones. Never waits."""
        with self._work_to_do:
            if (step, host) in self._patient:
                self._patient.remove((step, host))
                self._steps.append((step, host))
                self._work_to_do.notify()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, this thread does nothing but wait, and another may work in its place."""
        with self._work_to_do:
            self._waiting += 1
            self._at_work -= 1
            if len(self._threads) - self._waiting < self._count and len(self._threads) < self._most:
                self._begin_thread()
            self._place_free.notify()  # whoever is back from the network may have this place
            self._wake_another()
        try:
            yield
        finally:
            with self._place_free:
                self._waiting -= 1
                while self._at_work >= self._count:
                    self._place_free.wait()
                self._at_work += 1

    def close(self) -> None:
        """Let the threads end after what is submitted so far. Does not wait for them."""
        with self._work_to_do:
            self._closing = True
            self._work_to_do.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the threads to end, for so long at most for any of them."""
        while threads := self._threads:
            threads[0].join(seconds)
            if threads[0].is_alive():
                return

    def _begin_thread(self) -> None:
        self._begun += 1
        thread = Thread(target=self._work, name=f"{self._name}-{self._begun}", daemon=True)
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:  # the machine gives no more: those that there are have to do
            self._threads.remove(thread)
            _log.warning("no further thread could be begun", exc_info=True)

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            step, host = taken
            try:
                step()
            except Exception:
                _log.exception("a step failed")
            with self._place_free:
                self._at_work -= 1
                self._done_with(host)
                self._place_free.notify()
                if self._closing:
                    self._work_to_do.notify_all()  # else this thread takes the next step itself

    def _wake_another(self) -> None:
        """Only where there is something to do: waking a thread for nothing costs more than most steps."""
        if self._closing:
            self._work_to_do.notify_all()
        elif self._steps and self._at_work < self._count:  # not for patient ones: whoever was woken sees to all of them
            self._work_to_do.notify()

    def _next(self) -> tuple[Step, str] | None:
        """``None`` when this thread is to end."""
        with self._work_to_do:
            while True:
                taken = self._runnable()
                if taken is not None:
                    self._at_work += 1
                    self._begun_of[taken[1]] += 1
                    return taken
                over = self._closing and not (self._steps or self._patient or self._aside)
                woken = over or self._work_to_do.wait(LINGER_SECONDS)
                spare = len(self._threads) - self._waiting > self._count
                if over or (not woken and spare and not self._steps):
                    self._threads = [each for each in self._threads if each is not current_thread()]
                    return None

    def _runnable(self) -> tuple[Step, str] | None:
        while self._at_work < self._count:
            if self._steps:
                step, host = self._steps.popleft()
            elif self._patient and (self._patient_due > 0 or self._closing):
                step, host = self._patient.popleft()
                self._patient_due -= 1
            else:
                break
            if host and self._begun_of[host] >= self._most_a_host:
                self._aside.setdefault(host, deque()).append((step, host))
                continue
            return step, host
        return None

    def _done_with(self, host: str) -> None:
        self._begun_of[host] -= 1
        if not self._begun_of[host]:
            del self._begun_of[host]
        aside = self._aside.get(host)
        if aside:
            self._steps.appendleft(aside.popleft())
            if not aside:
                del self._aside[host]
