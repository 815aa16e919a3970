"""Stores under test, whatever they keep things in, and a way past them into what they keep."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.fakes.clock import FakeClock
from tests.fakes.guild_store import FakeGuildStores, Stored
from timmybot.adapters.dynamodb.attributes import to_item
from timmybot.adapters.sqlite.database import to_text
from timmybot.domain.ids import GuildId, InteractionId, OrderKey
from timmybot.ports.guild_store import GuildStores
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.inbox import Inbox
from timmybot.ports.lease_store import LeaseStore
from timmybot.ports.track_cache import TrackCache
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Record = Mapping[str, object]


class AnyStores(Protocol):
    @property
    def guilds(self) -> GuildStores: ...
    @property
    def leases(self) -> LeaseStore: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def identify_budget(self) -> IdentifyBudget: ...
    @property
    def tracks(self) -> TrackCache: ...


class Backdoor(Protocol):
    """Writes what no store of ours would write."""

    def state(self, guild_id: GuildId, record: Record) -> None: ...
    def entry(self, guild_id: GuildId, key: str, record: Record) -> None: ...
    def reply(self, guild_id: GuildId, interaction_id: int, record: Record) -> None: ...
    def heartbeat(self, worker_id: str, record: Record) -> None: ...
    def lease(self, shard_id: int, record: Record) -> None: ...
    def nudge(self, nudge_id: str, written_at: int, record: Record) -> None: ...
    def undo(self, guild_id: GuildId, record: Record) -> None: ...


class QueueBackdoor(Protocol):
    """Writes what no guild store of ours would write."""

    def state(self, guild_id: GuildId, record: Record) -> None: ...
    def entry(self, guild_id: GuildId, key: str, record: Record) -> None: ...
    def reply(self, guild_id: GuildId, interaction_id: int, record: Record) -> None: ...
    def undo(self, guild_id: GuildId, record: Record) -> None: ...


@dataclass(frozen=True)
class Kept:
    """Stores in which something is kept, on a clock that the test owns."""

    stores: AnyStores
    clock: FakeClock
    queue_backdoor: QueueBackdoor
    backdoor: Backdoor | None = None
    """``None`` for memory, where nobody else writes leases and nudges."""


class MemoryBackdoor:
    def __init__(self, guilds: FakeGuildStores) -> None:
        self._guilds = guilds

    def state(self, guild_id: GuildId, record: Record) -> None:
        self._of(guild_id).state = dict(record)

    def entry(self, guild_id: GuildId, key: str, record: Record) -> None:
        self._of(guild_id).of(0)[OrderKey(key)] = dict(record)

    def reply(self, guild_id: GuildId, interaction_id: int, record: Record) -> None:
        self._of(guild_id).replies[InteractionId(interaction_id)] = dict(record)

    def undo(self, guild_id: GuildId, record: Record) -> None:
        self._of(guild_id).undo = dict(record)

    def _of(self, guild_id: GuildId) -> Stored:
        return self._guilds.stored.setdefault(guild_id, Stored())


class SqliteBackdoor:
    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self, guild_id: GuildId, record: Record) -> None:
        self._write("REPLACE INTO guild_state VALUES (?, 0, ?)", guild_id, to_text(record))

    def entry(self, guild_id: GuildId, key: str, record: Record) -> None:
        self._write("REPLACE INTO entry VALUES (?, 0, ?, ?, NULL)", guild_id, key, to_text(record))

    def reply(self, guild_id: GuildId, interaction_id: int, record: Record) -> None:
        self._write("REPLACE INTO owed_reply VALUES (?, ?, 9e12, ?)", guild_id, interaction_id, to_text(record))

    def undo(self, guild_id: GuildId, record: Record) -> None:
        self._write("REPLACE INTO undo VALUES (?, ?)", guild_id, to_text(record))

    def heartbeat(self, worker_id: str, record: Record) -> None:
        self._write("REPLACE INTO worker VALUES (?, 9e12, ?)", worker_id, to_text(record))

    def lease(self, shard_id: int, record: Record) -> None:
        self._write("REPLACE INTO shard VALUES (?, ?)", shard_id, to_text(record))

    def nudge(self, nudge_id: str, written_at: int, record: Record) -> None:
        self._write("REPLACE INTO nudge VALUES (?, ?, ?)", written_at, nudge_id, to_text(record))

    def _write(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(statement, values)


class DynamoBackdoor:
    def __init__(self, client: DynamoDBClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def state(self, guild_id: GuildId, record: Record) -> None:
        self._write("guild-queues", {"guild_id": str(guild_id), "item": "STATE"}, record)

    def entry(self, guild_id: GuildId, key: str, record: Record) -> None:
        self._write("guild-queues", {"guild_id": str(guild_id), "item": f"Q#000000#{key}"}, record)

    def reply(self, guild_id: GuildId, interaction_id: int, record: Record) -> None:
        self._write("guild-queues", {"guild_id": str(guild_id), "item": f"REPLY#{interaction_id}"}, record)

    def undo(self, guild_id: GuildId, record: Record) -> None:
        self._write("guild-queues", {"guild_id": str(guild_id), "item": "UNDO"}, record)

    def heartbeat(self, worker_id: str, record: Record) -> None:
        self._write("coordination", {"pk": "WORKER", "sk": worker_id}, record)

    def lease(self, shard_id: int, record: Record) -> None:
        self._write("coordination", {"pk": "SHARD", "sk": f"{shard_id:05d}"}, record)

    def nudge(self, nudge_id: str, written_at: int, record: Record) -> None:
        self._write("coordination", {"pk": "INBOX", "sk": f"{written_at * 1000:013d}#{nudge_id}"}, record)

    def _write(self, table: str, key: Record, record: Record) -> None:
        self._client.put_item(TableName=self._settings.names.table(table), Item=to_item({**record, **key}))
