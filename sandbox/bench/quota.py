"""A share of a core for a process and its children, as a container would have it.

Cgroup v1 with CFS bandwidth control, which takes root. Source: Linux, scheduler/sched-bwc: a group may use
``cpu.cfs_quota_us`` of CPU time in each ``cpu.cfs_period_us``, and then stands still.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 100_000


class NoQuota(Exception):
    """This machine does not let us. The text says why."""


class Quota:
    """A group of its own. Raises :class:`NoQuota` when made."""

    def __init__(self, name: str) -> None:
        self._group = ROOT / f"timmybot-bench-{os.getpid()}-{name}"
        try:
            self._group.mkdir()
            (self._group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
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

    def close(self) -> None:
        """Remove the group. Its processes must have ended."""
        with suppress(OSError):
            self._group.rmdir()
