"""Guild queues in one SQLite file. Every statement of a store carries the one guild id it was opened for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database, from_text, to_text
from timmybot.adapters.sqlite.guild_entries import GuildEntries
from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import Fenced, GuildStore, GuildStores, NewerRelease, Taking, VersionConflict
from timmybot.ports.records.fields import OfNewerSchema, Record, Unreadable
from timmybot.ports.records.guild import (
    reply_of,
    reply_record,
    silent_state,
    state_of,
    state_record,
    undo_of,
    undo_record,
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
                "SELECT guild_id FROM (SELECT guild_id FROM guild_state WHERE wants_player "
                "UNION SELECT guild_id FROM owed_reply WHERE expires_at > ?) "
                "WHERE (guild_id >> 22) % ? = ? ORDER BY guild_id",
                (self._clock.now(), self._shard_count, shard_id),
            )
            return [GuildId(guild_id) for (guild_id,) in rows]

        return await self._database.run(find)


class SqliteGuildStore(GuildStore):
    def __init__(self, database: Database, clock: Clock, guild_id: GuildId) -> None:
        self._database = database
        self._clock = clock
        self._guild_id = guild_id
        self._entries = GuildEntries(clock, guild_id)

    @property
    def guild_id(self) -> GuildId:
        return self._guild_id

    async def state(self) -> GuildState:
        return await self._database.run(self._state)

    async def entry(self, key: OrderKey, *, of: GuildState | None = None) -> Entry | None:
        def find(connection: Connection) -> Entry | None:
            return self._entries.entry(connection, (of or self._state(connection)).generation, key)

        return await self._database.run(find)

    async def entries(self, *, after: OrderKey, limit: int, of: GuildState | None = None) -> list[Entry]:
        def find(connection: Connection) -> list[Entry]:
            return self._entries.after(connection, (of or self._state(connection)).generation, after, limit)

        return await self._database.run(find)

    async def history(self, of: GuildState, *, limit: int) -> list[Entry]:
        return await self._database.run(lambda connection: self._entries.history(connection, of, limit))

    async def step(self, of: GuildState, by: int = 1) -> Step:
        return await self._database.run(lambda connection: self._entries.step(connection, of, by))

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey] = ()) -> None:
        await self._database.run(lambda connection: self._entries.prepare(connection, generation, put, remove))

    async def sweep(self, of: GuildState) -> bool:
        return await self._database.run(lambda connection: self._entries.sweep(connection, of))

    async def retire(self, keys: Sequence[OrderKey], of: GuildState) -> None:
        await self._database.run(lambda connection: self._entries.retire(connection, of.generation, keys))

    async def undoable(self) -> Undo | None:
        record = await self._database.run(partial(self._record, "undo"))
        try:
            return None if record is None else undo_of(record)
        except Unreadable as why:
            self._set_aside("undo", why)
            return None

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        return await self._database.run(partial(self._commit, change, epoch))

    async def claim(self, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        return await self._database.run(partial(self._claim, epoch, taking))

    async def owed_replies(self) -> list[OwedReply]:
        return await self._database.run(self._owed_replies)

    async def settle(self, interaction_id: InteractionId) -> None:
        def forget(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM owed_reply WHERE guild_id = ? AND interaction_id = ?", (self._guild_id, interaction_id)
            )

        await self._database.run(forget)

    def _state(self, connection: Connection) -> GuildState:
        record = self._record("guild_state", connection)
        if record is None:
            return GuildState()
        try:
            return state_of(record)
        except OfNewerSchema as newer:
            raise NewerRelease(f"guild {self._guild_id} was written by a newer release") from newer
        except Unreadable as why:
            self._set_aside("state", why)
            return silent_state(record)

    def _record(self, table: str, connection: Connection) -> Record | None:
        statement = f"SELECT record FROM {table} WHERE guild_id = ?"  # noqa: S608  # a name that stands in this file
        row = connection.execute(statement, (self._guild_id,)).fetchone()
        return from_text(row[0]) if row else None

    def _commit(self, change: Change, epoch: Epoch | None, connection: Connection) -> GuildState:
        stored = self._state(connection)
        if epoch is not None and stored.epoch != epoch:
            raise Fenced(f"guild {self._guild_id} is claimed under epoch {stored.epoch}, not {epoch}")
        if stored.version != change.state.version:
            raise VersionConflict(f"guild {self._guild_id} is at version {stored.version}, not {change.state.version}")
        state = change.written()
        connection.execute(
            "REPLACE INTO guild_state VALUES (?, ?, ?)",
            (self._guild_id, state.wants_player, to_text(state_record(state))),
        )
        self._entries.write(connection, change)
        if change.undo:
            text = to_text(undo_record(change.undo))
            connection.execute("REPLACE INTO undo VALUES (?, ?)", (self._guild_id, text))
        connection.executemany(
            "REPLACE INTO owed_reply VALUES (?, ?, ?, ?)",
            [
                (self._guild_id, reply.interaction_id, int(reply.expires_at), to_text(reply_record(reply)))
                for reply in change.owe
            ],
        )
        return state

    def _claim(self, epoch: Epoch, taking: Taking | None, connection: Connection) -> GuildState:
        state = self._state(connection)
        if state.epoch > epoch:
            raise Fenced(f"guild {self._guild_id} is claimed under epoch {state.epoch}, not {epoch}")
        if state.epoch == epoch:
            return state
        taken = taking(state) if taking else state
        return self._commit(Change(replace(taken, epoch=epoch)), None, connection)

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

    def _set_aside(self, item: str, why: Unreadable) -> None:
        log.warning("guild %s: stored %s is set aside: %s", self._guild_id, item, why)
