"""The child processes of the bot, as ``/proc`` shows them. Where there is none (macOS, Windows) none are seen.

Limit: they are looked for ten times a second; one that lives shorter may go unseen.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
_KINDS = (
    ("media", re.compile(r"children[./]media|media_child")),
    ("looking", re.compile(r"looking_child")),
)
"""Children of ours, by what their command lines name."""
_STATE, _PARENT, _STARTED, _EXIT = 0, 1, 19, 49
"""Fields of ``/proc/PID/stat`` behind the program's name. Source: proc_pid_stat(5)."""


@dataclass
class Child:
    """A process below the bot. ``ended`` says how it ended, as far as could be seen; ``None`` while it lives."""

    pid: int
    started: str
    """In clock ticks since the machine's start: with the number it names a process for good."""
    kind: str = "?"
    ended: str | None = None


@dataclass
class Children:
    """Every child that was ever seen, by its first sight."""

    seen: list[Child] = field(default_factory=list)

    def look(self, bot: int | None) -> None:
        """See who is below the process ``bot`` now (``None``: it is gone), and who has ended."""
        for pid in () if bot is None else _below(bot):
            stat = _stat(pid)
            if stat is not None and not any((each.pid, each.started) == (pid, stat[_STARTED]) for each in self.seen):
                self.seen.append(Child(pid, stat[_STARTED]))
        for child in self.seen:
            if child.ended is None:
                self._look_at(child)

    def kill_all(self) -> None:
        """End those that outlived the bot: they are nobody's any more."""
        self.look(None)
        for child in self.seen:
            if child.ended is None:
                with suppress(OSError):
                    os.kill(child.pid, signal.SIGKILL)

    def _look_at(self, child: Child) -> None:
        stat = _stat(child.pid)
        if stat is None or stat[_STARTED] != child.started:
            child.ended = "ended"
        elif stat[_STATE] in "ZX":
            child.ended = how_it_ended(os.waitstatus_to_exitcode(int(stat[_EXIT]))) if len(stat) > _EXIT else "ended"
        else:
            child.kind = _kind(child.pid) or child.kind


def how_it_ended(status: int) -> str:
    """``killed by SIGSEGV`` or ``exit 3``, by an exit code as :mod:`subprocess` gives it."""
    if status >= 0:
        return f"exit {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _below(pid: int) -> Iterator[int]:
    """All descendants of a process."""
    for children in PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _below(child)


def _stat(pid: int) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _kind(pid: int) -> str:
    """``media`` or ``looking``, else the program's name: of a module that Python runs, the module's."""
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return ""
    for kind, names in _KINDS:
        if names.search(" ".join(command)):
            return kind
    if "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    return Path(command[0]).name
