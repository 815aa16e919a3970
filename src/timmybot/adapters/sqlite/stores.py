"""All stores of one process in one SQLite file, joined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from timmybot.adapters.sqlite.database import Database
from timmybot.adapters.sqlite.guild_store import SqliteGuildStores
from timmybot.adapters.sqlite.identify_budget import SqliteIdentifyBudget
from timmybot.adapters.sqlite.inbox import SqliteInbox
from timmybot.adapters.sqlite.lease_store import SqliteLeaseStore
from timmybot.adapters.sqlite.track_cache import SqliteTrackCache
from timmybot.ports.clock import Clock
from timmybot.settings import Settings


@dataclass(frozen=True)
class Stores:
    """Every store of a process. Close it when nothing uses it any more."""

    guilds: SqliteGuildStores
    leases: SqliteLeaseStore
    inbox: SqliteInbox
    identify_budget: SqliteIdentifyBudget
    tracks: SqliteTrackCache
    database: Database

    def close(self) -> None:
        self.database.close()


def connect(path: Path, settings: Settings, clock: Clock) -> Stores:
    """The stores in the file at ``path``, made if it is not there. Blocks for as long as a disk takes.


    Raises :class:`~timmybot.adapters.sqlite.database.DatabaseRefused`.
    """
    database = Database(path)
    return Stores(
        guilds=SqliteGuildStores(database, clock, settings.shard_count),
        leases=SqliteLeaseStore(database, clock),
        inbox=SqliteInbox(database),
        identify_budget=SqliteIdentifyBudget(database),
        tracks=SqliteTrackCache(database, clock),
        database=database,
    )
