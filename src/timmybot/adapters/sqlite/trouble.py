"""What the operator of a failing SQLite file should do: one sentence for each of SQLite's errors.

SQLite's result code decides, never the text beside it. The low byte is the primary code, the rest tells it apart
(source: SQLite, "Result and Error Codes").
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

_PRIMARY: Final = 0xFF

_WAITS_FOR_OTHERS: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NEEDS_AN_OPERATOR: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR,
)

_SENTENCES: Final = {
    # A full disk is met here first: the shared memory beside the file is the first thing to be made longer.
    sqlite3.SQLITE_IOERR_SHMSIZE: "The disk with {path} is full: make room there.",
    sqlite3.SQLITE_READONLY_DBMOVED: "{path} was moved or deleted while I used it. Bring it back, or start me again.",
    sqlite3.SQLITE_FULL: "The disk with {path} is full: make room there.",
    sqlite3.SQLITE_READONLY: "{path} may not be written to: give me write permission on it, or name another file.",
    sqlite3.SQLITE_PERM: "{path} may not be written to: give me write permission on it, or name another file.",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be opened. Is its directory there, and may I make files in it?",
    sqlite3.SQLITE_BUSY: "Another program keeps {path} locked. Does another TimmyBot run on it?",
    sqlite3.SQLITE_LOCKED: "Another program keeps {path} locked. Does another TimmyBot run on it?",
    sqlite3.SQLITE_CORRUPT: "{path} is damaged: bring a copy of it back, or move it away and begin with empty queues.",
    sqlite3.SQLITE_NOTADB: "{path} is not a TimmyBot database. Name another file.",
    sqlite3.SQLITE_IOERR: "The disk with {path} fails to read or write. The system's log says why.",
}


def what_to_do(path: Path, error: sqlite3.Error) -> str:
    """One sentence on what is wrong with the file at ``path`` and what to do, with SQLite's own words behind it."""
    code = _code(error)
    known = _SENTENCES.get(code) or _SENTENCES.get(code & _PRIMARY) or "{path} cannot be used."
    name = getattr(error, "sqlite_errorname", None)
    return f"{known.format(path=path)} ({error}{f', {name}' if name else ''})"


def needs_an_operator(error: sqlite3.Error) -> bool:
    """Whether trying again is no use before somebody has done something about the file or its disk."""
    return _code(error) & _PRIMARY in _NEEDS_AN_OPERATOR


def why_not_writable(path: Path) -> str | None:
    """Why this user cannot write to the database at ``path``, or ``None``.

    It is asked before SQLite opens the file: opened read-only, SQLite makes a read-only ``-shm`` beside it, over which
    it stumbles still when the file itself is writable again.
    """
    if path.is_dir():
        return f"{path} is a directory. Name a file in it."
    if not path.parent.is_dir():
        return f"{path} cannot be opened: there is no directory {path.parent}."
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            return f"{each} may not be written to: give me write permission on it, or name another file."
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return (
            f"I may not make files in {path.parent}, and SQLite keeps two beside the database: give me write "
            "permission there, or name another file."
        )
    return None


def _code(error: sqlite3.Error) -> int:
    """SQLite's extended result code; 0, which no error has, for what Python's module raised by itself."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)
