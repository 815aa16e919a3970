"""The inbox in one SQLite file."""

from __future__ import annotations

import logging
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database, from_text, to_text
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.records.coordination import NUDGE_KEPT_SECONDS, nudge_of, nudge_record
from timmybot.ports.records.fields import Unreadable

log = logging.getLogger(__name__)


class SqliteInbox(Inbox):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def post(self, nudge: Nudge) -> None:
        text = to_text(nudge_record(nudge))

        def write(connection: Connection) -> None:
            connection.execute("DELETE FROM nudge WHERE written_at < ?", (nudge.written_at - NUDGE_KEPT_SECONDS,))
            connection.execute("REPLACE INTO nudge VALUES (?, ?, ?)", (nudge.written_at, nudge.nudge_id, text))

        await self._database.run(write)

    async def read(self, since: float) -> list[Nudge]:
        def find(connection: Connection) -> list[Nudge]:
            rows = connection.execute(
                "SELECT nudge_id, record FROM nudge WHERE written_at >= ? ORDER BY written_at, nudge_id", (since,)
            )
            found: list[Nudge] = []
            for nudge_id, text in rows:
                try:
                    found.append(nudge_of(from_text(text)))
                except Unreadable as why:
                    log.warning("stored nudge %s is set aside: %s", nudge_id, why)
            return found

        return await self._database.run(find)
