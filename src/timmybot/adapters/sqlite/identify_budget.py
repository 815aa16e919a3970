"""The identify budget in one SQLite file: kept over restarts, so that a crash loop cannot spend it."""

from __future__ import annotations

from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database
from timmybot.domain.ids import ShardId
from timmybot.ports.identify_budget import BUCKET_SECONDS, IdentifyBudget
from timmybot.ports.records.coordination import RESERVATION_BELIEVED_SECONDS


class SqliteIdentifyBudget(IdentifyBudget):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        bucket = shard_id % max_concurrency

        def reserve(connection: Connection) -> float:
            row = connection.execute("SELECT free_at FROM identify_bucket WHERE bucket = ?", (bucket,)).fetchone()
            wait = row[0] - now if row else 0.0
            if 0 < wait <= RESERVATION_BELIEVED_SECONDS:
                return float(min(wait, BUCKET_SECONDS))
            connection.execute("REPLACE INTO identify_bucket VALUES (?, ?)", (bucket, now + BUCKET_SECONDS))
            return 0.0

        return await self._database.run(reserve)
