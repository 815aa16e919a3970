"""Guild queues in one SQLite file. Every statement of a store carries the one guild id it was opened for."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database, from_text, to_text
from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId
from timmybot.domain.track import Entry
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import Fenced, GuildStore, GuildStores, VersionConflict
from timmybot.ports.records.fields import Unreadable
from timmybot.ports.records.guild import (
    entry_of,
    entry_record,
    reply_of,
    reply_record,
    silent_state,
    state_of,
    state_record,
)

log = logging.getLogger(__name__)


class SqliteGuildStores(GuildStores):
    def __init__(self, database: Database, clock: Clock, shard_count: int) -> None:
        self._database = database
        self._clock = clock
        self._shard_count = shard_count

    def open(self, guild_id: GuildId) -> GuildStore:
        return SqliteGuildStore(self._database, self._clock, guild_id)

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        def find(connection: Connection) -> list[GuildId]:
            rows = connection.execute(
                # Discord's own formula, so that a changed shard count needs no rewriting here.
                "SELECT guild_id FROM guild_state WHERE wants_player AND (guild_id >> 22) % ? = ? ORDER BY guild_id",
                (self._shard_count, shard_id),
            )
            return [GuildId(guild_id) for (guild_id,) in rows]

        return await self._database.run(find)


class SqliteGuildStore(GuildStore):
    def __init__(self, database: Database, clock: Clock, guild_id: GuildId) -> None:
        self._database = database
        self._clock = clock
        self._guild_id = guild_id

    @property
    def guild_id(self) -> GuildId:
        return self._guild_id

    async def state(self) -> GuildState:
        return await self._database.run(self._state)

    async def entry(self, key: OrderKey) -> Entry | None:
        return await self._database.run(partial(self._entry, key))

    async def entries(self, *, after: OrderKey, limit: int) -> list[Entry]:
        return await self._database.run(partial(self._entries, after, limit))

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        return await self._database.run(partial(self._commit, change, epoch))

    async def claim(self, epoch: Epoch) -> GuildState:
        return await self._database.run(partial(self._claim, epoch))

    async def owed_replies(self) -> list[OwedReply]:
        return await self._database.run(self._owed_replies)

    async def settle(self, interaction_id: InteractionId) -> None:
        def forget(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM owed_reply WHERE guild_id = ? AND interaction_id = ?", (self._guild_id, interaction_id)
            )

        await self._database.run(forget)

    def _state(self, connection: Connection) -> GuildState:
        row = connection.execute("SELECT record FROM guild_state WHERE guild_id = ?", (self._guild_id,)).fetchone()
        if row is None:
            return GuildState()
        record = from_text(row[0])
        try:
            return state_of(record)
        except Unreadable as why:
            self._set_aside("state", why)
            return silent_state(record)

    def _entry(self, key: OrderKey, connection: Connection) -> Entry | None:
        row = connection.execute(
            "SELECT record FROM entry WHERE guild_id = ? AND generation = ? AND order_key = ?",
            (self._guild_id, self._state(connection).generation, key),
        ).fetchone()
        return self._readable_entry(key, row[0]) if row else None

    def _entries(self, after: OrderKey, limit: int, connection: Connection) -> list[Entry]:
        rows = connection.execute(
            "SELECT order_key, record FROM entry WHERE guild_id = ? AND generation = ? AND order_key > ? "
            "ORDER BY order_key",
            (self._guild_id, self._state(connection).generation, after),
        )
        found: list[Entry] = []
        for key, text in rows:
            if len(found) >= limit:
                break
            if entry := self._readable_entry(OrderKey(key), text):
                found.append(entry)
        return found

    def _commit(self, change: Change, epoch: Epoch | None, connection: Connection) -> GuildState:
        stored = self._state(connection)
        if epoch is not None and stored.epoch != epoch:
            raise Fenced(f"guild {self._guild_id} is claimed under epoch {stored.epoch}, not {epoch}")
        if stored.version != change.state.version:
            raise VersionConflict(f"guild {self._guild_id} is at version {stored.version}, not {change.state.version}")
        state = replace(change.state, version=change.state.version + 1)
        connection.execute(
            "REPLACE INTO guild_state VALUES (?, ?, ?)",
            (self._guild_id, state.wants_player, to_text(state_record(state))),
        )
        queue = (self._guild_id, state.generation)
        connection.executemany(
            "REPLACE INTO entry VALUES (?, ?, ?, ?)",
            [(*queue, entry.key, to_text(entry_record(entry))) for entry in change.add + change.replace],
        )
        connection.executemany(
            "DELETE FROM entry WHERE guild_id = ? AND generation = ? AND order_key = ?",
            [(*queue, key) for key in change.remove],
        )
        connection.executemany(
            "REPLACE INTO owed_reply VALUES (?, ?, ?, ?)",
            [
                (self._guild_id, reply.interaction_id, int(reply.expires_at), to_text(reply_record(reply)))
                for reply in change.owe
            ],
        )
        return state

    def _claim(self, epoch: Epoch, connection: Connection) -> GuildState:
        state = self._state(connection)
        if state.epoch > epoch:
            raise Fenced(f"guild {self._guild_id} is claimed under epoch {state.epoch}, not {epoch}")
        if state.epoch == epoch:
            return state
        return self._commit(Change(replace(state, epoch=epoch)), None, connection)

    def _owed_replies(self, connection: Connection) -> list[OwedReply]:
        now = self._clock.now()
        connection.execute("DELETE FROM owed_reply WHERE guild_id = ? AND expires_at <= ?", (self._guild_id, now))
        rows = connection.execute(
            "SELECT interaction_id, record FROM owed_reply WHERE guild_id = ? ORDER BY interaction_id",
            (self._guild_id,),
        )
        found: list[OwedReply] = []
        for interaction_id, text in rows:
            try:
                found.append(reply_of(InteractionId(interaction_id), from_text(text)))
            except Unreadable as why:
                self._set_aside(f"owed reply {interaction_id}", why)
        return found

    def _readable_entry(self, key: OrderKey, text: object) -> Entry | None:
        try:
            return entry_of(key, from_text(text))
        except Unreadable as why:
            self._set_aside(f"entry {key}", why)
            return None

    def _set_aside(self, item: str, why: Unreadable) -> None:
        log.warning("guild %s: stored %s is set aside: %s", self._guild_id, item, why)
