"""A share of a core for a process and its children, as a container would have it.

Cgroup v1 with CFS bandwidth control, which takes root. Source: Linux, scheduler/sched-bwc: a group may use
``cpu.cfs_quota_us`` of CPU time in each ``cpu.cfs_period_us``, and then stands still.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 100_000
MOST_SHARES = 262_144
"""Within its quota the group goes before whatever else runs on the machine (a process of its own there has 1,024)."""
ENDING_SECONDS = 10.0


class NoQuota(Exception):
    """This machine does not let us. The text says why."""


class Quota:
    """A group of its own while the context lasts. Raises :class:`NoQuota` when made."""

    def __init__(self, name: str) -> None:
        self._group = ROOT / f"timmybot-bench-{os.getpid()}-{name.replace('/', '-')}"
        try:
            self._group.mkdir()
            (self._group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self._group / "cpu.shares").write_text(str(MOST_SHARES))
        except OSError as error:
            with suppress(OSError):
                self._group.rmdir()
            raise NoQuota("no writable cgroup v1 cpu controller here (it takes root)") from error

    def take(self, pid: int) -> None:
        """Put the process in, and with it whatever it starts from now on."""
        (self._group / "cgroup.procs").write_text(str(pid))

    def allow(self, cores: float | None) -> None:
        """How much of a core all of it together may use; ``None`` for as much as there is."""
        quota_us = -1 if cores is None else int(cores * PERIOD_US)
        (self._group / "cpu.cfs_quota_us").write_text(str(quota_us))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the group, as soon as its processes have ended."""
        async with asyncio.timeout(ENDING_SECONDS):
            while (self._group / "cgroup.procs").read_text():  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.05)
        self._group.rmdir()
