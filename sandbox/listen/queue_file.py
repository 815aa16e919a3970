"""What the bot's database says of the guild: read beside the bot, which never waits for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from timmybot.adapters.sqlite.database import from_text
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import EntryId, OrderKey, WorkerId
from timmybot.domain.track import Entry, Track
from timmybot.ports.records.coordination import heartbeat_of
from timmybot.ports.records.fields import Unreadable
from timmybot.ports.records.guild import entry_of, state_of


@dataclass(frozen=True)
class Place:
    """What plays and where, as the bot has written it down."""

    plays: bool = False
    """A player is wanted: something plays, is paused, or is about to play."""
    position_ms: int | None = None


class QueueFile:
    """Of one guild. Whatever cannot be read just now reads as it did before."""

    def __init__(self, database: Path, guild_id: int) -> None:
        self._uri = f"file:{quote(str(database))}?mode=ro"
        self._guild_id = guild_id
        self._first: EntryId | None = None
        self.place = Place()
        self.track: Track | None = None
        """The track that was queued first, as it is known by now."""

    def look(self) -> Place:
        """Read the file again. Returns :attr:`place`."""
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=0.2)) as connection:
                self._read(connection)
        except (sqlite3.Error, Unreadable):
            pass
        return self.place

    def _read(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT record FROM guild_state WHERE guild_id = ?", (self._guild_id,)).fetchall()
        if not rows:
            return
        state = state_of(from_text(rows[0][0]))
        self.place = Place(state.wants_player, _position_ms(connection, state))
        self._read_track(connection)

    def _read_track(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute(
            "SELECT order_key, record FROM entry WHERE guild_id = ? ORDER BY order_key", (self._guild_id,)
        )
        entries: list[Entry] = [entry_of(OrderKey(key), from_text(record)) for key, record in rows]
        if self._first is None and entries:
            self._first = entries[0].entry_id
        for entry in entries:
            if entry.entry_id == self._first:
                self.track = entry.track


def _position_ms(connection: sqlite3.Connection, state: GuildState) -> int | None:
    """As ``/nowplaying`` finds it: the later of what the state and what a heartbeat says."""
    if state.play_id is None:
        return None
    told = [state.position_ms]
    for worker, record in connection.execute("SELECT worker_id, record FROM worker"):
        told.append(heartbeat_of(WorkerId(worker), from_text(record)).positions.get(state.play_id, 0))
    return max(told)
