"""One ECS task as a process of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.cloud.agent import AgentRecord
from sandbox.cloud.metrics import Sample, embedded_samples
from sandbox.reaper import Reaper

LONGEST_LINE = 1 << 20


@dataclass
class Task:
    """A worker process from start to end. Times are wall-clock seconds since the epoch."""

    id: str
    deployment: str
    """The service deployment it belongs to: a later one replaces it."""
    agent: AgentRecord
    stop_timeout_seconds: float
    log: Path
    started_at: float = field(default_factory=time.time)
    stopped_at: float | None = None
    exit_code: int | None = None
    """As the operating system says it: negative is the number of the signal that ended it."""
    stopping: bool = False
    """ECS has asked it to stop."""
    _process: asyncio.subprocess.Process | None = None
    _waiter: asyncio.Task[None] | None = None
    _stopper: asyncio.Task[None] | None = None

    @property
    def revision(self) -> int:
        return self.agent.revision

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def protected(self) -> bool:
        """Under scale-in protection."""
        return self.agent.protected

    @property
    def running(self) -> bool:
        return self.stopped_at is None

    async def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_sample: Callable[[Sample], None],
        reaper: Reaper,
    ) -> None:
        """Start the process, in a group of its own. Raises :class:`OSError` if there is no such program."""
        self._process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=environment["HOME"],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        reaper.watch_group(self._process.pid)
        self._waiter = asyncio.create_task(self._follow(self._process, on_sample, reaper), name=f"task-{self.id}")

    def ask_to_stop(self) -> None:
        """What ECS does on scale-in: SIGTERM, the stop timeout, SIGKILL. Returns at once."""
        if self.running and not self.stopping:
            self.stopping = True
            self._stopper = asyncio.create_task(self._stop(self.stop_timeout_seconds), name=f"stop-{self.id}")

    def kill(self, ending: signal.Signals) -> None:
        """Send the process a signal, as an accident would: ECS has not asked for it."""
        if self._process is not None and self.running:
            self._process.send_signal(ending)

    async def end(self, within: float) -> None:
        """Stop it within ``within`` seconds, whatever it takes, and leave nothing of it running."""
        self.stopping = True
        if self._stopper is not None:
            self._stopper.cancel()
        await self._stop(within)

    async def wait(self) -> None:
        """Return when the process has ended."""
        if self._waiter is not None:
            await asyncio.shield(self._waiter)

    async def _stop(self, within: float) -> None:
        if self._waiter is None:
            return  # it never started
        for ending in (signal.SIGTERM, signal.SIGKILL):
            if self.running:
                self._signal_group(ending)
                await asyncio.wait([self._waiter], timeout=within if ending is signal.SIGTERM else None)
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, ending: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, ending)
        except ProcessLookupError:
            return

    async def _follow(
        self, process: asyncio.subprocess.Process, on_sample: Callable[[Sample], None], reaper: Reaper
    ) -> None:
        """Metrics to ``on_sample``, everything else to the log, until the process has ended."""
        assert process.stdout is not None
        reading = asyncio.create_task(self._read(process.stdout, on_sample))
        try:
            self.exit_code = await process.wait()
            # Its children die with it, as in a container; they would keep its group's number taken.
            self._signal_group(signal.SIGKILL)
            reaper.forget_group(process.pid)
        finally:
            self.stopped_at = time.time()
            # A grandchild may hold the pipe open; what the task said has arrived by now.
            await asyncio.wait([reading], timeout=1.0)
            reading.cancel()

    async def _read(self, stdout: asyncio.StreamReader, on_sample: Callable[[Sample], None]) -> None:
        with self.log.open("ab", buffering=0) as log:
            while line := await stdout.readline():
                samples = embedded_samples(line.decode(errors="replace"))
                if samples is None:
                    log.write(line)
                for sample in samples or ():
                    on_sample(sample)
