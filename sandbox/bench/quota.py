"""A share of a core, and a limit of memory, for a process and its children, as a container would have them.

Cgroup v1, which takes root. Source: Linux, scheduler/sched-bwc: a group may use ``cpu.cfs_quota_us`` of CPU time in
each ``cpu.cfs_period_us``, and then stands still. admin-guide/cgroup-v1/memory: a group that reaches
``memory.limit_in_bytes`` has its caches dropped, and where that is not enough a process of it killed.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
MOST_SHARES = 262_144
"""Within its quota the group goes before whatever else runs on the machine (a process of its own there has 1,024)."""
ENDING_SECONDS = 10.0


class NoQuota(Exception):
    """This machine does not let us. The text says why."""


@dataclass(frozen=True)
class MemoryUse:
    """What a group with a limit of memory has come to."""

    peak_bytes: int
    """The most that was charged to it at once: its own pages, what the kernel holds for it, files it read first."""
    tcp_peak_bytes: int
    """The most that its TCP connections' buffers took at once, which are counted apart, under the same limit."""
    refused: int
    """How often it came up against the limit, and something had to be dropped."""
    killed: int
    """Processes, because nothing could be."""


class Quota:
    """A group of its own while the context lasts. Raises :class:`NoQuota` when made."""

    def __init__(self, name: str, *, memory_bytes: int | None = None, root: Path = ROOT) -> None:
        group = f"timmybot-bench-{os.getpid()}-{name.replace('/', '-')}"
        self._cpu = root / "cpu" / group
        self._memory = root / "memory" / group
        self._groups: list[Path] = []
        self._make(self._cpu, {"cpu.cfs_period_us": PERIOD_US, "cpu.shares": MOST_SHARES})
        if memory_bytes is not None:
            self._make(self._memory, {"memory.limit_in_bytes": memory_bytes, "memory.swappiness": 0})
            for kind in ("memsw", "kmem.tcp"):
                with suppress(OSError):  # where the kernel does not count these
                    (self._memory / f"memory.{kind}.limit_in_bytes").write_text(str(memory_bytes))

    def take(self, pid: int) -> None:
        """Put the process in, and with it whatever it starts from now on; what it holds already stays uncounted."""
        for group in self._groups:
            (group / "cgroup.procs").write_text(str(pid))

    def allow(self, cores: float | None) -> None:
        """How much of a core all of it together may use; ``None`` for as much as there is."""
        quota_us = -1 if cores is None else int(cores * PERIOD_US)
        (self._cpu / "cpu.cfs_quota_us").write_text(str(quota_us))

    def memory(self) -> MemoryUse:
        """Until now. Of a group with a limit."""
        told = dict(line.split() for line in (self._memory / "memory.oom_control").read_text().splitlines())
        return MemoryUse(
            peak_bytes=self._told("memory.max_usage_in_bytes"),
            tcp_peak_bytes=self._told("memory.kmem.tcp.max_usage_in_bytes"),
            refused=self._told("memory.failcnt"),
            killed=int(told.get("oom_kill", 0)),
        )

    def _told(self, name: str) -> int:
        """0 of what the kernel does not count."""
        file = self._memory / name
        return int(file.read_text()) if file.exists() else 0

    def _make(self, group: Path, values: dict[str, int]) -> None:
        try:
            group.mkdir()
            self._groups.append(group)
            for name, value in values.items():
                (group / name).write_text(str(value))
        except OSError as error:
            self._remove()
            controller = group.parent.name
            raise NoQuota(f"no writable cgroup v1 {controller} controller here (it takes root)") from error

    def _remove(self) -> None:
        for group in self._groups:
            with suppress(OSError):
                group.rmdir()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the group, as soon as its processes have ended."""
        async with asyncio.timeout(ENDING_SECONDS):
            while any((group / "cgroup.procs").read_text() for group in self._groups):  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.05)
        self._remove()
