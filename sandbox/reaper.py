"""Ends what its owner leaves behind, when the owner is killed so that it cannot do so itself.

A small process of its own, told of process groups and directories over a pipe. An owner that leaves in order forgets
each of them first; when the pipe closes, what is still known is killed and removed. Works wherever POSIX does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_REMOVALS, _PAUSE_SECONDS = 50, 0.02


class Reaper:
    """Watches its owner for as long as the context is open. Its methods never block for long."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            # By path and isolated: it needs nothing else of the sandbox, and starts in a few hundredths of a second.
            [sys.executable, "-I", "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()

    def watch_group(self, leader: int) -> None:
        """Kill the process group led by ``leader`` should the owner die."""
        self._tell("group", str(leader))

    def forget_group(self, leader: int) -> None:
        """The group has ended: its number may soon be somebody else's."""
        self._tell("ended", str(leader))

    def watch_directory(self, directory: Path) -> None:
        """Remove the directory should the owner die; also if it is gone by itself by then."""
        self._tell("directory", str(directory.resolve()))

    def watch_scratch(self, directory: Path) -> None:
        """Remove the directory should the owner die, whether or not it watches a group, until it is forgotten."""
        self._tell("scratch", str(directory.resolve()))

    def forget_scratch(self, directory: Path) -> None:
        """The owner has removed the directory: its name may soon be somebody else's."""
        self._tell("removed", str(directory.resolve()))

    def _tell(self, word: str, what: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{word} {what}\n".encode())
            self._process.stdin.flush()


def reap(lines: Iterable[bytes]) -> None:
    """Read what to watch until the lines end, then end it."""
    groups: set[int] = set()
    directories: list[str] = []
    scratch: set[str] = set()
    for line in lines:
        word, _, what = line.decode().rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(what))
        elif word == "ended":
            groups.discard(int(what))
        elif word == "directory":
            directories.append(what)
        elif word == "scratch":
            scratch.add(what)
        elif word == "removed":
            scratch.discard(what)
    if not groups:
        directories = []  # The owner left in order, and removes its directories itself.
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    for directory in [*directories, *scratch]:
        _remove(directory)


def _remove(directory: str) -> None:
    """Those who were just killed may write to it until they are gone."""
    for _ in range(_REMOVALS):
        shutil.rmtree(directory, ignore_errors=True)
        if not Path(directory).exists():
            return
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    reap(sys.stdin.buffer)
