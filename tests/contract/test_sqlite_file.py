"""The SQLite file itself: what it survives, and which files are refused."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.guild import Members
from tests.contract.members import GUILD, everything_queued, play
from tests.contract.stored import Kept
from tests.fakes.clock import FakeClock
from timmybot.adapters import sqlite
from timmybot.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS
from timmybot.domain.guild_state import Action
from timmybot.ports.guild_store import GuildStore, StoreUnavailable
from timmybot.settings import Settings

ROOT = Path(__file__).parents[2]
KILLS = 5


async def test_what_was_acknowledged_is_there_after_the_process_was_killed_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "timmybot.sqlite3"
    chance = random.Random(20261122)
    acknowledged: list[str] = []
    for run in range(KILLS):
        acknowledged += await asyncio.to_thread(_acknowledged_before_the_kill, path, f"run{run}", chance.randint(1, 30))
        stores = sqlite.connect(path, Settings(), FakeClock())
        stored = await everything_queued(stores.guilds.open(GUILD))
        stores.close()
        assert [name for name in stored if name in acknowledged] == acknowledged
        assert len(stored) - len(acknowledged) <= run + 1, "at most one a run was written and not acknowledged yet"


def _acknowledged_before_the_kill(path: Path, run: str, commits: int) -> list[str]:
    """Kill a child that commits and commits, in the midst of what follows its first ``commits``."""
    return _said_before_the_kill(["tests.contract.committing_child", str(path), run], commits)


def _said_before_the_kill(child_and_arguments: list[str], lines: int) -> list[str]:
    command = [sys.executable, "-m", *child_and_arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        first = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        return [line.strip() for line in (*first, *child.stdout) if line.endswith("\n")]


async def test_a_long_queue_is_whole_after_the_process_was_killed_while_it_was_thrown_about(tmp_path: Path) -> None:
    """Killed anywhere: beside the queue, before it is pointed at, after; while it is cleared, brought back or swept."""
    path = tmp_path / "timmybot.sqlite3"
    chance = random.Random(20261123)
    names = [f"m{number:03d}" for number in range(200)]
    stores = sqlite.connect(path, Settings(), FakeClock())
    await Members(stores.guilds).play_all(["playing", *names])
    stores.close()
    for _ in range(KILLS):
        said = await asyncio.to_thread(
            _said_before_the_kill, ["tests.contract.rewriting_child", str(path)], chance.randint(1, 12)
        )
        assert said
        stores = sqlite.connect(path, Settings(), FakeClock())
        members = Members(stores.guilds)
        state, waiting = await members.store.state(), await members.waiting()
        assert await members.heard() == "playing"
        assert (state.waiting, state.waiting_ms) == (len(waiting), 60_000 * len(waiting))
        assert sorted(waiting) == (names if state.undo is not Action.CLEAR else [])
        if state.undo is Action.CLEAR:
            await members.queue().undo()
            assert sorted(await members.waiting()) == names
        stores.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_an_older_releases_file_is_brought_forward_and_its_queue_plays_on(tmp_path: Path, version: int) -> None:
    path = tmp_path / "timmybot.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (each for migration in MIGRATIONS[:version] for each in migration):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("INSERT INTO guild_state VALUES (?, 1, ?)", (GUILD, json.dumps(FIRST_RELEASES_STATE)))
        for key in ("000000000001-a", "000000000002-b"):
            record = {"schema": 1, "entry_id": key[-1], "url": f"https://music.example/{key[-1]}", "requested_by": 5}
            row = (GUILD, 0, key, json.dumps(record))
            connection.execute("INSERT INTO entry (guild_id, generation, order_key, record) VALUES (?, ?, ?, ?)", row)
    stores = sqlite.connect(path, Settings(), FakeClock())
    members = Members(stores.guilds)
    assert (await members.heard(), await members.waiting()) == ("a", ["b"])
    await members.queue().shuffle()
    await members.player().skip()
    assert (await members.heard(), await members.history()) == ("b", ["a"])
    assert (await members.store.state()).waiting_unknown == 0
    stores.close()


FIRST_RELEASES_STATE = {
    "schema": 1,
    "version": 2,
    "epoch": 0,
    "voice_channel": 7,
    "text_channel": 8,
    "current": "000000000001-a",
    "play_id": "p",
    "position_ms": 0,
    "paused": False,
    "generation": 0,
    "head": "000000000001-a",
    "tail": "000000000002-b",
    "waiting": 1,
    "recent": [],
}


async def test_a_queue_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "timmybot.sqlite3"
    for name in "ab":
        stores = sqlite.connect(path, Settings(), FakeClock())
        await play(stores.guilds.open(GUILD), name)
        stores.close()
    stores = sqlite.connect(path, Settings(), FakeClock())
    assert await everything_queued(stores.guilds.open(GUILD)) == ["a", "b"]
    stores.close()


async def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    stores = sqlite.connect(tmp_path / "timmybot.sqlite3", Settings(), FakeClock())
    synchronous, journal = await stores.database.run(
        lambda connection: (
            connection.execute("PRAGMA synchronous").fetchone()[0],
            connection.execute("PRAGMA journal_mode").fetchone()[0],
        )
    )
    stores.close()
    assert (synchronous, journal) == (2, "wal"), "2 is FULL"


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "song.ogg"
    path.write_bytes(b"OggS" + bytes(5000))
    with pytest.raises(sqlite.DatabaseRefused, match="is not a TimmyBot database"):
        sqlite.connect(path, Settings(), FakeClock())
    assert path.read_bytes() == b"OggS" + bytes(5000)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(sqlite.DatabaseRefused, match="another program's"):
        sqlite.connect(path, Settings(), FakeClock())
    assert path.read_bytes() == before


def test_a_newer_releases_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "timmybot.sqlite3"
    sqlite.connect(path, Settings(), FakeClock()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(sqlite.DatabaseRefused, match="written by a newer TimmyBot"):
        sqlite.connect(path, Settings(), FakeClock())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(sqlite.DatabaseRefused, match="nowhere"):
        sqlite.connect(tmp_path / "nowhere" / "timmybot.sqlite3", Settings(), FakeClock())


async def test_a_file_that_fails_under_us_is_a_store_that_is_unavailable(tmp_path: Path, in_sqlite: Kept) -> None:
    assert isinstance(in_sqlite.stores, sqlite.Stores)
    await in_sqlite.stores.database.run(_as_if_the_disk_were_full)
    store = in_sqlite.stores.guilds.open(GUILD)
    with pytest.raises(StoreUnavailable):
        await _play_on_and_on(store)
    await in_sqlite.stores.database.run(_as_if_room_had_been_made)
    assert (await store.state()).waiting + 1 == len(await everything_queued(store))


async def _play_on_and_on(store: GuildStore) -> None:
    for number in range(200):
        await play(store, f"n{number}")


def _as_if_the_disk_were_full(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def _as_if_room_had_been_made(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")
