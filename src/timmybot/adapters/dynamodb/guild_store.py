"""Guild queues in the table ``guild-queues``.

All of a guild lies in one partition, ``guild_id``; the sort key ``item`` says what an item is: ``STATE``,
``Q#<generation>#<order key>`` for an entry (see ``guild_entries``), ``REPLY#<interaction id>`` for an answer still
owed, ``UNDO`` for what it takes to take the last action back, ``SETTINGS``. The partition is bound when a store is
opened: no key of another guild can be spelled from inside.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from timmybot.adapters.dynamodb.guild_entries import GuildEntries
from timmybot.adapters.dynamodb.table import Clause, ConditionFailed, Contended, Delete, Put, Table
from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId, shard_of
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import (
    Fenced,
    GuildStore,
    GuildStores,
    NewerRelease,
    StoreUnavailable,
    Taking,
    VersionConflict,
)
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

ACTIVE_SHARD_INDEX = "active-shard"
"""The sparse index on ``active_shard``: a guild is in it with its ``STATE`` while it wants a player, and with each
answer that is owed to it."""

CLAIM_TRIES = 10
"""A claim races only with members' commands, a few a second at most."""

_STATE = "STATE"
_UNDO = "UNDO"
_REPLY = "REPLY#"
_AFTER_REPLIES = "REPLY$"
"""``$`` follows ``#``: the first sort key behind all that begin with ``REPLY#``."""


class DynamoGuildStores(GuildStores):
    def __init__(self, table: Table, clock: Clock, shard_count: int) -> None:
        self._table = table
        self._clock = clock
        self._shard_count = shard_count

    def open(self, guild_id: GuildId) -> GuildStore:
        return DynamoGuildStore(self._table, self._clock, guild_id, shard_of(guild_id, self._shard_count))

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        found = self._table.in_index(ACTIVE_SHARD_INDEX, "active_shard", shard_id)
        names = {str(item["guild_id"]): None async for item in found}
        return [GuildId(int(name)) for name in names if name.isdecimal()]


class DynamoGuildStore(GuildStore):
    """See :class:`GuildStore`. A change of ``STATE`` alone is one write; one that touches more is a transaction."""

    def __init__(self, table: Table, clock: Clock, guild_id: GuildId, shard_id: ShardId) -> None:
        self._table = table
        self._clock = clock
        self._guild_id = guild_id
        self._shard_id = shard_id
        self._partition = str(guild_id)
        self._entries = GuildEntries(table, clock, self._partition)

    @property
    def guild_id(self) -> GuildId:
        return self._guild_id

    async def state(self) -> GuildState:
        record = await self._table.get((self._partition, _STATE))
        if record is None:
            return GuildState()
        try:
            return state_of(record)
        except OfNewerSchema as newer:
            raise NewerRelease(f"guild {self._guild_id} was written by a newer release") from newer
        except Unreadable as why:
            self._set_aside(_STATE, why)
            return silent_state(record)

    async def entry(self, key: OrderKey, *, of: GuildState | None = None) -> Entry | None:
        return await self._entries.entry((of or await self.state()).generation, key)

    async def entries(self, *, after: OrderKey, limit: int, of: GuildState | None = None) -> list[Entry]:
        return await self._entries.after((of or await self.state()).generation, after, limit)

    async def history(self, of: GuildState, *, limit: int) -> list[Entry]:
        return await self._entries.history(of, limit)

    async def step(self, of: GuildState, by: int = 1) -> Step:
        return await self._entries.step(of, by)

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey] = ()) -> None:
        await self._entries.prepare(generation, put, remove)

    async def sweep(self, of: GuildState) -> bool:
        return await self._entries.sweep(of)

    async def retire(self, keys: Sequence[OrderKey], of: GuildState) -> None:
        await self._entries.retire(of.generation, keys)

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        read = change.state.version
        state = change.written()
        unchanged_since_read = Clause("#version = :read", {":read": read})
        if read == 0:
            # There is no STATE yet, or one whose version cannot be understood and was taken for 0.
            unchanged_since_read |= Clause("NOT attribute_type(#version, :number)", {":number": "N"})
        allowed = unchanged_since_read
        if epoch is not None:
            still_claimed_by_this_worker = Clause("#epoch = :mine", {":mine": epoch})
            allowed &= still_claimed_by_this_worker

        put_state = Put((self._partition, _STATE), self._state_record(state), allowed)
        others = self._others(change)
        try:
            if others:
                await self._table.put_and_delete(put_state, others)
            else:
                await self._table.put(put_state)
        except ConditionFailed as failed:
            stored = silent_state(failed.stored or {})
            if epoch is not None and stored.epoch != epoch:
                raise Fenced(f"guild {self._guild_id} is claimed under epoch {stored.epoch}, not {epoch}") from failed
            raise VersionConflict(f"guild {self._guild_id} is at version {stored.version}, not {read}") from failed
        except Contended as error:
            raise VersionConflict(f"guild {self._guild_id} is being written by someone else") from error
        return state

    async def claim(self, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        for _ in range(CLAIM_TRIES):
            state = await self.state()
            if state.epoch > epoch:
                raise Fenced(f"guild {self._guild_id} is claimed under epoch {state.epoch}, not {epoch}")
            if state.epoch == epoch:
                return state
            try:
                # Under the version, which it raises: a command that read the older epoch can then not put it back.
                taken = taking(state) if taking else state
                return await self.commit(Change(replace(taken, epoch=epoch)))
            except VersionConflict:
                continue
        raise StoreUnavailable(f"guild {self._guild_id} changed at each of {CLAIM_TRIES} tries to claim it")

    async def owed_replies(self) -> list[OwedReply]:
        found: list[OwedReply] = []
        async for item, record in self._table.query(self._partition, _REPLY, _AFTER_REPLIES):
            try:
                found.append(reply_of(_interaction_id(item), record))
            except Unreadable as why:
                self._set_aside(item, why)
        now = self._clock.now()
        for reply in found:
            if reply.expires_at <= now:
                # The table forgets it by itself, within days: until then the index would name the guild in vain.
                await self.settle(reply.interaction_id)
        return sorted((reply for reply in found if reply.expires_at > now), key=lambda reply: reply.interaction_id)

    async def settle(self, interaction_id: InteractionId) -> None:
        await self._table.delete((self._partition, f"{_REPLY}{interaction_id}"))

    async def undoable(self) -> Undo | None:
        record = await self._table.get((self._partition, _UNDO))
        try:
            return None if record is None else undo_of(record)
        except Unreadable as why:
            self._set_aside(_UNDO, why)
            return None

    def _state_record(self, state: GuildState) -> Record:
        record = state_record(state)
        return record | {"active_shard": self._shard_id} if state.wants_player else record

    def _reply_record(self, owed: OwedReply) -> Record:
        return reply_record(owed) | {"active_shard": self._shard_id}

    def _others(self, change: Change) -> list[Put | Delete]:
        return [
            *self._entries.writes(change),
            *(
                Put((self._partition, f"{_REPLY}{owed.interaction_id}"), self._reply_record(owed))
                for owed in change.owe
            ),
            *([Put((self._partition, _UNDO), undo_record(change.undo))] if change.undo else []),
        ]

    def _set_aside(self, item: str, why: Unreadable) -> None:
        log.warning("guild %s: stored item %s is set aside: %s", self._guild_id, item, why)


def _interaction_id(item: str) -> InteractionId:
    digits = item.removeprefix(_REPLY)
    if not digits.isdecimal():
        raise Unreadable("interaction id is not a number")
    return InteractionId(int(digits))
