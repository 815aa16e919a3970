"""Run as a child: what a user without rights is told of a file and a directory that they may only read.

Root may write to what is read-only, so a child of root's becomes somebody else first.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.fakes.clock import FakeClock
from timmybot.adapters import sqlite
from timmybot.settings import Settings

NOBODY = 65534


def become_nobody() -> None:
    """Give root's rights up, for good. Whoever has none stays who they are."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def attempt(path: Path, what: str) -> None:
    try:
        sqlite.connect(path, Settings(), FakeClock()).close()
    except sqlite.DatabaseRefused as refusal:
        print(f"{what}: {refusal}")
    else:
        print(f"{what}: opened")


def main() -> None:
    become_nobody()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "timmybot.sqlite3"
        attempt(path, "a new file")
        path.chmod(0o400)
        attempt(path, "a file that may only be read")
        path.chmod(0o600)
        attempt(path, "the file, made writable again")
        beside = Path(f"{path}-shm")
        beside.touch(0o400)
        attempt(path, "a file beside it that may only be read")
        beside.unlink()
        directory.chmod(0o500)
        attempt(path, "a directory that may only be read")
        attempt(directory / "other.sqlite3", "a new file in a directory that may only be read")
        directory.chmod(0o700)
        path.chmod(0)
        attempt(path, "a file that may not even be read")


if __name__ == "__main__":
    main()
