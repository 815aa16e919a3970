"""What a process has: files, threads and children. To be compared with what it had."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_OURS = ("filling", "probing", "measuring", "voice pacer")
"""How the threads of the sources and of the pacing are named; a test's servers have others."""


@dataclass(frozen=True)
class Held:
    """What this process holds at one moment."""

    descriptors: int
    children: frozenset[int]
    """Process ids, also of those that have ended and that nobody has asked about."""
    threads: Counter[str]

    def over(self, before: Held) -> list[str]:
        """What there is more of than ``before``, a line each."""
        more = []
        if self.descriptors > before.descriptors:
            more.append(f"{self.descriptors - before.descriptors} file descriptors")
        if self.children - before.children:
            more.append(f"the children {sorted(self.children - before.children)}")
        if threads := self.threads - before.threads:
            more.append(f"the threads {dict(threads)}")
        return more


def held() -> Held:
    children: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile, whose children are another's now
            children |= {int(pid) for pid in (task / "children").read_text().split()}
    ours = [name for thread in threading.enumerate() for name in _OURS if thread.name.startswith(name)]
    return Held(len(os.listdir("/proc/self/fd")), frozenset(children), Counter(ours))  # noqa: PTH208  # links, not files
