"""What a process and those below it hold, as ``/proc`` shows it (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    processes: int
    zombies: int
    descriptors: int
    threads: int
    mib: float
    """Anonymous memory: all that the processes made themselves. Pages of files are other programs' too, and how many
    share them changes with what else runs on the machine. Source: proc_pid_smaps(5)."""


def held(root: int, *, without: int) -> Held:
    """By ``root`` and all below it, but for the process ``without``."""
    zombies = descriptors = threads = kib = 0
    pids = [root, *(pid for pid in _below(root) if pid != without)]
    for pid in pids:
        place = PROC / str(pid)
        with suppress(OSError):
            if (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                zombies += 1
                continue
            descriptors += sum(1 for _ in (place / "fd").iterdir())
            threads += sum(1 for _ in (place / "task").iterdir())
            kib += sum(
                int(line.split()[1])
                for line in (place / "smaps_rollup").read_text().splitlines()
                if line.startswith("Anonymous:")
            )
    return Held(len(pids), zombies, descriptors, threads, kib / 1024)


def _below(pid: int) -> Iterator[int]:
    for children in PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _below(child)
