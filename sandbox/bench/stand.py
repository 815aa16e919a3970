"""A sender as the bench sees it: a process that is told what to do, a line of JSON each way, and what it costs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_SECONDS = 180.0
STOP_SECONDS = 10.0
_LINE_BYTES = 1024 * 1024
_CPUCLOCK_SCHED = 2


class StandFailed(Exception):
    """It died, or did not answer."""


@dataclass(frozen=True)
class Usage:
    """What a process and its children hold."""

    memory_kib: float
    """Proportional set size: pages that several processes share are counted once in all."""
    own_kib: float
    """Of that, what is nobody's file: a library's share is less whenever another process has it loaded, too."""
    threads: int
    descriptors: int
    """Of the process itself."""
    processes: int


class Stand:
    """Runs ``command`` in ``directory`` while the context lasts."""

    def __init__(self, name: str, command: Sequence[str], *, directory: Path | None = None) -> None:
        self.name = name
        self._directory = directory
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._directory,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            for pid in reversed(list(_family(process.pid))):
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            await process.wait()

    async def restart(self) -> None:
        """Be a new process."""
        await self.__aexit__(None, None, None)
        await self.__aenter__()

    async def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Raises :class:`StandFailed`."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            raise StandFailed(f"{self.name} did not answer to {what!r}") from None
        except ConnectionError:
            line = b""
        if not line:
            raise StandFailed(f"{self.name} ended at {what!r}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise StandFailed(f"{self.name}: {answer['failed']}")
        return answer

    def family(self) -> list[int]:
        """Its process and that one's children, now. Takes a tenth of a second where those are hundreds."""
        return list(_family(self.pid))

    def usage(self) -> Usage:
        """Now. Takes a second where there are hundreds of children: not while something is timed."""
        return usage(self.pid)


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have used until now, threads that have ended included.

    Source: clock_getcpuclockid(3); how a process makes a clock, Linux, include/linux/posix-timers_types.h.
    """
    seconds = 0.0
    for pid in pids:
        with suppress(OSError):  # it has ended
            seconds += time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    return seconds


def usage(pid: int) -> Usage:
    """Of the process and its children. Source: proc(5)."""
    memory, own, threads, processes = 0.0, 0.0, 0, 0
    for member in _family(pid):
        place = Path(f"/proc/{member}")
        with suppress(OSError):
            threads += len(list((place / "task").iterdir()))
            memory += _held_kib(place, "Pss:")
            own += _held_kib(place, "Anonymous:")
            processes += 1
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Usage(memory, own, threads, descriptors, processes)


def _held_kib(place: Path, what: str) -> float:
    for line in (place / "smaps_rollup").read_text().splitlines():
        if line.startswith(what):
            return float(line.split()[1])
    return 0.0


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))
