"""Virtual time: an event loop that never waits, and the processes that run on it.

Every callback belongs to the process in whose context it was scheduled. Within a process callbacks run in the order
in which asyncio would run them; between processes the seed decides. A process can stand still (SIGSTOP: what falls
due waits until it goes on), die (SIGKILL: nothing of it runs again), and have clocks of its own.

Limits: callbacks take no time. What takes time in the world is a delay in the plan.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

WALL_START = 1_800_000_000.0
"""Unix time at which every life begins."""


class Process:
    """One operating system process. ``drift`` is how much faster than true time its monotonic clock runs."""

    def __init__(self, name: str, *, wall_offset: float = 0.0, drift: float = 0.0) -> None:
        self.name = name
        self.wall_offset = wall_offset
        self.drift = drift
        self.dead = False
        self.paused = False
        self.ready: deque[_Handle] = deque()
        self.notes: dict[object, Any] = {}
        """What observers remember about the process."""

    @property
    def running(self) -> bool:
        return not (self.dead or self.paused)

    def __repr__(self) -> str:
        return self.name


_NOBODY = Process("nobody")
_PROCESS: ContextVar[Process] = ContextVar("process", default=_NOBODY)


class _Handle:
    __slots__ = ("args", "callback", "context", "is_cancelled", "process")

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...], context: Context | None) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.process = self.context.get(_PROCESS, _NOBODY)
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class VirtualLoop(asyncio.AbstractEventLoop):
    """An event loop on virtual time. Only what asyncio's tasks, futures and time-outs need is there."""

    def __init__(self, random: Random) -> None:
        self.now = 0.0
        """True time in seconds: nobody inside can see it."""
        self._random = random
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Handle | Callable[[], object]]] = []
        self._ready: list[Process] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._processes: list[Process] = []
        self.steps = 0

    # -- what the world uses ---------------------------------------------------------------------------------------

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Have the world itself do something, whatever becomes of any process."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), act))

    def start(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` as the (or another) main task of ``process``."""
        context = Context()
        context.run(_PROCESS.set, process)
        self._processes.append(process)
        task = asyncio.Task(work, loop=self, context=context)
        self._tasks.append(task)
        return task

    def post(self, process: Process, act: Callable[[], object]) -> None:
        """Have ``process`` do something as soon as it runs: an event that reaches it from outside."""
        context = Context()
        context.run(_PROCESS.set, process)
        self._make_ready(_Handle(act, (), context))

    def pause(self, process: Process) -> None:
        process.paused = True

    def resume(self, process: Process) -> None:
        process.paused = False
        if process.ready and not process.dead and process not in self._ready:
            self._ready.append(process)

    def kill(self, process: Process) -> None:
        process.dead = True

    def run_until(self, end: float) -> None:
        """Let time pass up to ``end``."""
        asyncio._set_running_loop(self)
        try:
            while True:
                self._run_ready()
                if not self._due or self._due[0][0] > end:
                    break
                self.now, _, due = heapq.heappop(self._due)
                if isinstance(due, _Handle):
                    if not due.is_cancelled:
                        self._make_ready(due)
                else:
                    due()
            self.now = end
        finally:
            asyncio._set_running_loop(None)

    def abandon(self) -> None:
        """End every task there is, without letting time pass. The world must refuse every call from now on."""
        asyncio._set_running_loop(self)
        try:
            self._due.clear()
            for process in self._processes:
                process.dead = process.paused = False
                self._make_ready(_Handle(lambda: None, (), Context()), process)
            for _ in range(20):
                for task in self._tasks:
                    if not task.done():
                        task.cancel()
                self._run_ready()
                self._due.clear()
                if all(task.done() for task in self._tasks):
                    break
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.exception()
        finally:
            asyncio._set_running_loop(None)

    def _run_ready(self) -> None:
        ready, draw = self._ready, self._random.random
        while ready:
            place = int(draw() * len(ready)) if len(ready) > 1 else 0
            process = ready[place]
            if process.ready and process.running:
                handle = process.ready.popleft()
                if not handle.is_cancelled:
                    self.steps += 1
                    handle.context.run(handle.callback, *handle.args)
            if not process.ready or not process.running:
                ready.remove(process)

    def _make_ready(self, handle: _Handle, process: Process | None = None) -> None:
        process = process or handle.process
        process.ready.append(handle)
        if process.running and process not in self._ready:
            self._ready.append(process)

    # -- what asyncio uses -----------------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[..., object], *args: object, context: Context | None = None) -> Any:
        handle = _Handle(callback, args, context)
        self._make_ready(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Any:
        handle = _Handle(callback, args, context)
        heapq.heappush(self._due, (when, next(self._order), handle))
        return handle

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(
            coro, loop=self, name=None if name is None else str(name), context=context
        )
        self._tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tasks of killed processes end unheard; what a service loses of its own shows in its log."""


class ProcessClock:
    """The ``Clock`` of one process."""

    def __init__(self, loop: VirtualLoop, process: Process, random: Random) -> None:
        self._loop = loop
        self._process = process
        self._random = random

    def now(self) -> float:
        return WALL_START + self._process.wall_offset + self._loop.now

    def monotonic(self) -> float:
        return 1_000.0 + self._loop.now * (1.0 + self._process.drift)

    async def sleep(self, seconds: float) -> None:
        late = self._random.random() * 0.005
        waker = self._loop.create_future()
        self._loop.call_later(seconds / (1.0 + self._process.drift) + late, _wake, waker)
        await waker


def _wake(waker: asyncio.Future[None]) -> None:
    if not waker.done():
        waker.set_result(None)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing but its turn, as one indivisible act of the world."""
    try:
        while True:
            work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # what the coroutine returned
