"""A SQLite file that fails: each of SQLite's errors has one sentence, which says what to do about it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.members import GUILD, play
from tests.fakes.clock import FakeClock
from timmybot.adapters import sqlite
from timmybot.adapters.sqlite.trouble import what_to_do
from timmybot.ports.guild_store import GuildStore, StoreBroken, StoreUnavailable
from timmybot.settings import Settings

ROOT = Path(__file__).parents[2]
HEADER_BYTES, PAGE_BYTES = 100, 4096


def opened(path: Path) -> sqlite.Stores:
    return sqlite.connect(path, Settings(), FakeClock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timmybot.sqlite3"


async def test_a_full_disk_is_named_and_the_store_works_once_there_is_room(path: Path) -> None:
    stores = opened(path)
    store = stores.guilds.open(GUILD)
    await stores.database.run(_full)
    with pytest.raises(StoreBroken, match="is full: make room") as broken:
        await _play_on_and_on(store)
    assert str(path) in str(broken.value)
    await stores.database.run(_with_room_again)
    await play(store, "afterwards")
    stores.close()


async def test_a_file_that_becomes_read_only_is_named(path: Path) -> None:
    stores = opened(path)
    await stores.database.run(lambda connection: connection.execute("PRAGMA query_only = ON"))
    with pytest.raises(StoreBroken, match="may not be written to"):
        await play(stores.guilds.open(GUILD), "a")
    stores.close()


def _full(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def _with_room_again(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")


async def _play_on_and_on(store: GuildStore) -> None:
    for number in range(200):
        await play(store, f"n{number}")


async def test_a_file_that_another_program_has_locked_is_only_unavailable(path: Path) -> None:
    stores = opened(path)
    await stores.database.run(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"Another program keeps .* locked") as locked:
            await play(stores.guilds.open(GUILD), "meanwhile")
    assert not isinstance(locked.value, StoreBroken), "the other one may be done in a moment"
    await play(stores.guilds.open(GUILD), "afterwards")
    stores.close()


async def test_a_file_that_is_damaged_while_it_is_used_is_no_bug_of_ours(path: Path) -> None:
    opened(path).close()
    _damage(path, PAGE_BYTES, path.stat().st_size)  # noqa: ASYNC240  # nobody else is waiting
    stores = opened(path)
    with pytest.raises(StoreBroken, match="is damaged"):
        await stores.guilds.open(GUILD).state()
    stores.close()


def test_a_file_whose_table_of_contents_is_damaged_is_not_called_somebody_elses(path: Path) -> None:
    opened(path).close()
    _damage(path, HEADER_BYTES, PAGE_BYTES)  # the header still says that it is SQLite's
    with pytest.raises(sqlite.DatabaseRefused, match="is damaged"):
        opened(path)


def _damage(path: Path, start: int, end: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * (end - start))


def test_a_directory_in_the_files_place_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(sqlite.DatabaseRefused, match="is a directory"):
        opened(tmp_path)


def test_a_file_that_another_program_has_locked_asks_about_another_timmybot(path: Path) -> None:
    opened(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite.DatabaseRefused, match="Does another TimmyBot run on it"):
            opened(path)


def _error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    return error


ERRORS = [
    ("SQLITE_FULL", "is full: make room"),
    ("SQLITE_IOERR_SHMSIZE", "is full: make room"),
    ("SQLITE_READONLY", "may not be written to"),
    ("SQLITE_READONLY_DIRECTORY", "may not be written to"),
    ("SQLITE_PERM", "may not be written to"),
    ("SQLITE_READONLY_DBMOVED", "was moved or deleted"),
    ("SQLITE_CANTOPEN", "cannot be opened"),
    ("SQLITE_BUSY", "Another program keeps"),
    ("SQLITE_LOCKED", "Another program keeps"),
    ("SQLITE_BUSY_SNAPSHOT", "Another program keeps"),
    ("SQLITE_CORRUPT", "is damaged"),
    ("SQLITE_CORRUPT_INDEX", "is damaged"),
    ("SQLITE_NOTADB", "is not a TimmyBot database"),
    ("SQLITE_IOERR", "fails to read or write"),
    ("SQLITE_IOERR_FSYNC", "fails to read or write"),
]


@pytest.mark.parametrize(("name", "part"), ERRORS)
def test_each_of_sqlites_errors_has_a_sentence_of_its_own(path: Path, name: str, part: str) -> None:
    sentence = what_to_do(path, _error(name))
    assert part in sentence
    assert str(path) in sentence


def test_no_error_of_sqlites_is_left_without_a_sentence_and_only_a_lock_asks_for_another_timmybot(path: Path) -> None:
    codes = [
        name
        for name, value in vars(sqlite3).items()
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_ERROR"))
        and isinstance(value, int)
    ]
    assert len(codes) > 30
    for sentence in (what_to_do(path, _error(name)) for name in codes):
        assert str(path) in sentence
        assert "another TimmyBot" not in sentence
    assert str(path) in what_to_do(path, sqlite3.ProgrammingError("which has no code"))


def test_a_user_without_rights_is_told_which_and_leaves_nothing_behind_that_fails_later() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.contract.unprivileged_child"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    told = dict(line.split(": ", 1) for line in said)
    assert told["a new file"] == told["the file, made writable again"] == "opened"
    assert "timmybot.sqlite3 may not be written to" in told["a file that may only be read"]
    assert "timmybot.sqlite3-shm may not be written to" in told["a file beside it that may only be read"]
    for directory in ("a directory that may only be read", "a new file in a directory that may only be read"):
        assert "I may not make files in" in told[directory]
    assert "timmybot.sqlite3 may not be written to" in told["a file that may not even be read"]
    assert not any("another TimmyBot" in sentence for sentence in told.values())
