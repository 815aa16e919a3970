"""Starts, replaces and stops workers as ECS would, and wakes the service when it sleeps."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.simulator.virtual_time import Process
from sandbox.simulator.worker_process import Surroundings, WorkerProcess, start_worker

START_SECONDS = 3.0


class Scheduler:
    """Keeps as many workers as are wanted. ``replaced`` is told of each that ends."""

    def __init__(self, around: Surroundings, workers: int) -> None:
        self._around = around
        self._started = 0
        self._starting = 0
        self.revision = 1
        self.workers: list[WorkerProcess] = []
        for _ in range(workers):
            self.start_after(around.random.random() * 2)

    def start_after(self, seconds: float) -> None:
        self._starting += 1
        revision = self.revision
        self._around.loop.after(seconds, lambda: self._start(revision))

    async def wake(self) -> None:
        """``ServiceScaler``: have at least one worker."""
        if not self._starting and not any(worker.stays for worker in self.workers):
            self.start_after(START_SECONDS)

    def chosen(self, number: int) -> WorkerProcess | None:
        """One of the workers that live and stay; the same number may mean another one later."""
        staying = [worker for worker in self.workers if worker.stays]
        return staying[number % len(staying)] if staying else None

    def staying_beside(self, process: Process) -> int:
        """How many other workers live, stay and get on, and have not been outdated by a deploy."""
        return sum(
            worker.stays and not (worker.hangs or worker.leases.draining or worker.leases.outdated())
            for worker in self.workers
            if worker.process is not process
        )

    def stop(self, worker: WorkerProcess) -> None:
        """SIGTERM."""
        worker.draining = True
        self._around.loop.post(worker.process, worker.stop.set)
        self._watch_end(worker)

    def kill(self, worker: WorkerProcess) -> None:
        """SIGKILL."""
        loop = self._around.loop
        self._around.voice.process_changed(worker.process, lambda: loop.kill(worker.process))

    def _start(self, revision: int) -> None:
        self._starting -= 1
        self._started += 1
        self.workers.append(start_worker(self._around, f"w{self._started}", revision=revision))

    def _watch_end(self, worker: WorkerProcess) -> None:
        """A process whose work is done exits, and what it had open with it."""
        if worker.task.done() or worker.process.dead:
            self.kill(worker)
        else:
            self._around.loop.after(0.1, lambda: self._watch_end(worker))


Act = Callable[[], None]
