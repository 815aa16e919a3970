"""How much of a core a container lets its processes use together: the kernel's quota, where there is one.

A group that has used it up stands still until the next period, up to 75 ms long for a quarter of a core: pacing, too,
whatever its priority. So what can wait keeps within less than the quota (:class:`Thrift`).

Source: Linux, Documentation/scheduler/sched-bwc.rst; Documentation/admin-guide/cgroup-v2.rst, ``cpu.max``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path("/sys/fs/cgroup")
OWN_GROUPS: Final = Path("/proc/self/cgroup")
LOOK_SECONDS: Final = 1.0
"""How often the quota is looked at: it may be changed."""
SHARE: Final = 0.86
"""Of the quota, for the worker and its children. Periods are not ours, and the kernel deals the quota out in slices."""
AHEAD_SECONDS: Final = 0.004
"""How much may be used at once after a rest."""
LONGEST_REST_SECONDS: Final = 0.1


class CpuQuota:
    """Read through files that stay open: a media child may open none later."""

    def __init__(self, root: Path = ROOT, own_groups: Path = OWN_GROUPS) -> None:
        self._limits = list(_limits(root, own_groups))

    def cores(self) -> float | None:
        """The smallest of the process's group and those around it; ``None`` if there is none, or no system tells."""
        found = [cores for cores in map(_cores, self._limits) if cores is not None]
        return min(found, default=None)

    def close(self) -> None:
        for files in self._limits:
            for file in files:
                if file is not None:
                    file.close()


class Thrift:
    """A token bucket. Used by one thread at a time. ``cores`` tells the quota, ``used`` the CPU seconds that count."""

    def __init__(
        self,
        cores: Callable[[], float | None],
        used: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask = cores
        self._used = used
        self._monotonic = monotonic
        self._sleep = sleep
        self._cores: float | None = None
        self._asked_at = float("-inf")
        self._looked_at = float("-inf")
        self._used_then = 0.0
        self._left = 0.0

    def rest(self) -> None:
        """Wait if more was used than the quota gives, for ``LONGEST_REST_SECONDS`` at most."""
        now = self._monotonic()
        if now - self._asked_at >= LOOK_SECONDS:
            self._asked_at = now
            before, self._cores = self._cores, self._ask()
            if before is None and self._cores is not None:
                self._looked_at, self._used_then = now, self._used()
        if self._cores is None:
            return
        rate = self._cores * SHARE
        left = self._after_use(rate)
        if left < 0:
            # Until there is enough for some frames: to wake up for each would cost as much as the frame. Once, and not
            # until there is: where the worker alone uses the quota up, the child gets on all the same.
            self._sleep(min((AHEAD_SECONDS - left) / rate, LONGEST_REST_SECONDS))

    def _after_use(self, rate: float) -> float:
        """How many seconds are left; less than 0 if too many were used."""
        now, used = self._monotonic(), self._used()
        self._left += (now - self._looked_at) * rate - max(0.0, used - self._used_then)
        self._left = max(min(self._left, AHEAD_SECONDS), -LONGEST_REST_SECONDS * rate)
        self._looked_at, self._used_then = now, used
        return self._left


def _limits(root: Path, own_groups: Path) -> Iterator[tuple[IO[bytes], IO[bytes] | None]]:
    """Of each group that limits: the file with both numbers, or the one with the quota and the one with the period."""
    try:
        lines = own_groups.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds and "cpu" not in kinds.split(","):
            continue
        for top in (root / kinds, root / "cpu") if kinds else (root, root / "unified"):
            group = top / path.lstrip("/")
            for folder in (group, *group.parents):
                if not folder.is_relative_to(top):
                    break
                with suppress(OSError):
                    if kinds:
                        quota = (folder / "cpu.cfs_quota_us").open("rb", buffering=0)
                        yield quota, (folder / "cpu.cfs_period_us").open("rb", buffering=0)
                    else:
                        yield (folder / "cpu.max").open("rb", buffering=0), None


def _cores(limit: tuple[IO[bytes], IO[bytes] | None]) -> float | None:
    try:
        told: list[bytes] = []
        for file in limit:
            if file is not None:
                file.seek(0)
                told += file.read(64).split()
        quota, period = map(int, told)
    except (OSError, ValueError):  # "max", or no group any more
        return None
    return quota / period if quota > 0 and period > 0 else None
