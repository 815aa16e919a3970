"""One SQLite file, used by one connection on one thread.

Every use is a transaction that holds the write lock from its start, so that what it reads is what it changes; it runs
on the database's own thread, so that the event loop never waits for a disk.

The journal is a write-ahead log with ``synchronous=FULL``: a command that was answered survives a power cut. With
``NORMAL``, SQLite does not sync the log at each commit, and a power cut takes the last commits back (source: SQLite,
"Pragma statements", ``synchronous``). A sync costs milliseconds, and members type slower than that.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from timmybot.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS
from timmybot.adapters.sqlite.trouble import needs_an_operator, what_to_do, why_not_writable
from timmybot.ports.guild_store import StoreBroken, StoreError, StoreUnavailable
from timmybot.ports.records.fields import Record

T = TypeVar("T")

BUSY_SECONDS = 2.0
"""How long to wait for another process that writes to the file. It should not be there, but someone may be looking."""


class DatabaseRefused(Exception):
    """The file is not one we may write to. ``str()`` says why and what to do."""


class Database:
    """Raises :class:`DatabaseRefused` for a file that is not ours, or is of a newer release."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        try:
            self._connection = self._thread.submit(_open, path).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def close(self) -> None:
        """Finish what is under way, then close the file."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown()

    async def run(self, use: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``use`` in a transaction of its own, on the database's thread; what it raises undoes all it wrote.

        Raises :class:`StoreUnavailable` when the file is locked, :class:`StoreBroken` when it is full, read-only,
        damaged or failing, each with what to do, and nothing was written; and :class:`StoreError` for anything else
        that SQLite refuses.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, use)

    def _run(self, use: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with _transaction(self._connection):
                return use(self._connection)
        except sqlite3.Error as error:
            if needs_an_operator(error):
                raise StoreBroken(what_to_do(self._path, error)) from error
            if isinstance(error, sqlite3.OperationalError):
                raise StoreUnavailable(what_to_do(self._path, error)) from error
            raise StoreError(f"SQLite refused: {error}") from error


def to_text(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))


def from_text(text: object) -> Record:
    """The record; an empty one, which no reader accepts, if the text holds none."""
    try:
        record = json.loads(text) if isinstance(text, str | bytes) else None
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _open(path: Path) -> sqlite3.Connection:
    if obstacle := why_not_writable(path):
        raise DatabaseRefused(obstacle)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise DatabaseRefused(what_to_do(path, error)) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise DatabaseRefused(what_to_do(path, error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with _transaction(connection):
        version = _check(connection, path)
        for statement in (each for migration in MIGRATIONS[version:] for each in migration):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a file that is ours, or 0 for one that is empty."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise DatabaseRefused(f"{path} is not a TimmyBot database, but another program's. Name another file.")
    if version > len(MIGRATIONS):
        raise DatabaseRefused(
            f"{path} was written by a newer TimmyBot (version {version} of its tables; this one knows "
            f"{len(MIGRATIONS)}). Use that release, or name another file."
        )
    return int(version)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
