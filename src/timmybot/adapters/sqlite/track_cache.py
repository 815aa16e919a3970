"""The track cache in one SQLite file."""

from __future__ import annotations

import logging
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database, from_text, to_text
from timmybot.domain.sound import Measured
from timmybot.domain.track import Track
from timmybot.ports.clock import Clock
from timmybot.ports.records.fields import Unreadable
from timmybot.ports.records.track import measured_of, measured_record, track_id
from timmybot.ports.track_cache import MEASURED_KEPT_SECONDS, TrackCache

log = logging.getLogger(__name__)


class SqliteTrackCache(TrackCache):
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def measured(self, track: Track) -> Measured | None:
        def find(connection: Connection) -> Measured | None:
            row = connection.execute("SELECT record FROM loudness WHERE track_id = ?", (track_id(track),)).fetchone()
            try:
                return measured_of(track, from_text(row[0]), self._clock.now()) if row else None
            except Unreadable as why:
                log.warning("what was stored of a track is set aside: %s", why)
                return None

        return await self._database.run(find)

    async def keep(self, track: Track, measured: Measured) -> None:
        now = self._clock.now()
        values = track_id(track), now + MEASURED_KEPT_SECONDS, to_text(measured_record(track, measured, now))

        def write(connection: Connection) -> None:
            connection.execute("DELETE FROM loudness WHERE expires_at <= ?", (now,))
            connection.execute("REPLACE INTO loudness VALUES (?, ?, ?)", values)

        await self._database.run(write)
