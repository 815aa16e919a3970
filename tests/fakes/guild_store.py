"""Guild stores in memory.

Values are kept as they are, which is quick; a **raw record** among them stands for what someone else wrote into the
table, and is read with the same suspicion as anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tests.fakes.faults import Faults
from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId, shard_of
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import Fenced, GuildStore, GuildStores, NewerRelease, Taking, VersionConflict
from timmybot.ports.records.fields import OfNewerSchema, Unreadable
from timmybot.ports.records.guild import (
    HISTORY_KEPT_SECONDS,
    entry_of,
    reply_of,
    silent_state,
    state_of,
    undo_of,
)
from timmybot.ports.records.stepping import Walk

log = logging.getLogger(__name__)

T = TypeVar("T")
RawRecord = dict[str, object]


@dataclass
class Stored:
    """All that is stored of one guild."""

    state: GuildState | RawRecord = field(default_factory=GuildState)
    entries: dict[int, dict[OrderKey, Entry | RawRecord]] = field(default_factory=dict)
    """By generation and key."""
    expiring: dict[tuple[int, OrderKey], float] = field(default_factory=dict)
    replies: dict[InteractionId, OwedReply | RawRecord] = field(default_factory=dict)
    undo: Undo | RawRecord | None = None

    def wants_worker(self, now: float) -> bool:
        owed = (reply for reply in self.replies.values() if isinstance(reply, OwedReply))
        plays = isinstance(self.state, GuildState) and self.state.wants_player
        return plays or any(reply.expires_at > now for reply in owed)

    def of(self, generation: int) -> dict[OrderKey, Entry | RawRecord]:
        return self.entries.setdefault(generation, {})


class FakeGuildStores(GuildStores):
    def __init__(self, clock: Clock, shard_count: int = 16, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[GuildId, Stored] = {}
        self._clock = clock
        self._shard_count = shard_count

    def open(self, guild_id: GuildId) -> FakeGuildStore:
        return FakeGuildStore(guild_id, self.stored.setdefault(guild_id, Stored()), self._clock, self.faults)

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        async with self.faults.call():
            wanting = [guild_id for guild_id, stored in self.stored.items() if stored.wants_worker(self._clock.now())]
            return sorted(guild_id for guild_id in wanting if shard_of(guild_id, self._shard_count) == shard_id)


class FakeGuildStore(GuildStore):
    def __init__(self, guild_id: GuildId, stored: Stored, clock: Clock, faults: Faults) -> None:
        self._guild_id = guild_id
        self._stored = stored
        self._clock = clock
        self._faults = faults

    @property
    def guild_id(self) -> GuildId:
        return self._guild_id

    async def state(self) -> GuildState:
        async with self._faults.call():
            return self._state()

    async def entry(self, key: OrderKey, *, of: GuildState | None = None) -> Entry | None:
        async with self._faults.call():
            value = self._stored.of((of or self._state()).generation).get(key)
            return None if value is None else self._entry(key, value)

    async def entries(self, *, after: OrderKey, limit: int, of: GuildState | None = None) -> list[Entry]:
        async with self._faults.call():
            return self._first(self._behind((of or self._state()).generation, after), limit)

    async def history(self, of: GuildState, *, limit: int) -> list[Entry]:
        async with self._faults.call():
            return self._first(self._before(of), limit)

    async def step(self, of: GuildState, by: int = 1) -> Step:
        async with self._faults.call():
            walk = Walk(by)
            for key, value in self._behind(of.generation, of.head) if by > 0 else self._before(of):
                if step := walk.meet(self._entry(key, value), value if isinstance(value, dict) else {}):
                    return step
            return walk.give_up()

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        async with self._faults.call():
            return self._commit(change, epoch)

    async def claim(self, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        async with self._faults.call():
            state = self._state()
            if state.epoch > epoch:
                raise Fenced(f"claimed under epoch {state.epoch}, not {epoch}")
            if state.epoch == epoch:
                return state
            taken = taking(state) if taking else state
            return self._commit(Change(replace(taken, epoch=epoch)), None)

    async def undoable(self) -> Undo | None:
        async with self._faults.call():
            return self._read("undo", self._stored.undo, undo_of, lambda _: None)

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey] = ()) -> None:
        async with self._faults.call():
            if self._faults.long_writing is not None:
                self._write(generation, put[: len(put) // 2], ())
                await self._faults.long_writing.wait()
            self._write(generation, put, remove)

    async def sweep(self, of: GuildState) -> bool:
        async with self._faults.call():
            living = {of.generation, of.kept_generation}
            for generation in [each for each in self._stored.entries if each < of.generations and each not in living]:
                del self._stored.entries[generation]
            return False

    async def retire(self, keys: Sequence[OrderKey], of: GuildState) -> None:
        async with self._faults.call():
            now = self._clock.now()
            for key in keys:
                self._stored.expiring[of.generation, key] = now + HISTORY_KEPT_SECONDS
            for place in [place for place, expires_at in self._stored.expiring.items() if expires_at <= now]:
                del self._stored.expiring[place]
                self._stored.of(place[0]).pop(place[1], None)

    async def owed_replies(self) -> list[OwedReply]:
        async with self._faults.call():
            found = [self._reply(number, value) for number, value in sorted(self._stored.replies.items())]
            return [reply for reply in found if reply and reply.expires_at > self._clock.now()]

    async def settle(self, interaction_id: InteractionId) -> None:
        async with self._faults.call():
            self._stored.replies.pop(interaction_id, None)

    def _commit(self, change: Change, epoch: Epoch | None) -> GuildState:
        stored, state = self._state(), change.state
        if epoch is not None and stored.epoch != epoch:
            raise Fenced(f"claimed under epoch {stored.epoch}, not {epoch}")
        if stored.version != state.version:
            raise VersionConflict(f"at version {stored.version}, not {state.version}")
        self._stored.state = change.written()
        self._write(state.generation, change.add + change.replace, change.remove)
        self._stored.replies |= {reply.interaction_id: reply for reply in change.owe}
        self._stored.undo = change.undo or self._stored.undo
        return change.written()

    def _write(self, generation: int, put: Iterable[Entry], remove: Iterable[OrderKey]) -> None:
        entries = self._stored.of(generation)
        for entry in put:
            entries[entry.key] = entry
            self._stored.expiring.pop((generation, entry.key), None)
        for key in remove:
            entries.pop(key, None)

    def _state(self) -> GuildState:
        state = self._stored.state
        if isinstance(state, GuildState):
            return state
        try:
            return self._read("state", state, state_of, silent_state)
        except OfNewerSchema as newer:
            raise NewerRelease(f"guild {self._guild_id} was written by a newer release") from newer

    def _behind(self, generation: int, after: OrderKey) -> Iterable[tuple[OrderKey, Entry | RawRecord]]:
        entries = self._stored.of(generation)
        return ((key, entries[key]) for key in sorted(key for key in entries if key > after))

    def _before(self, of: GuildState) -> Iterable[tuple[OrderKey, Entry | RawRecord]]:
        """From the current entry back, itself left out; from the head back if nothing plays."""
        entries, now = self._stored.of(of.generation), self._clock.now()
        for key in sorted((key for key in entries if key <= of.head), reverse=True):
            if key != of.current and self._stored.expiring.get((of.generation, key), now + 1) > now:
                yield key, entries[key]

    def _first(self, items: Iterable[tuple[OrderKey, Entry | RawRecord]], limit: int) -> list[Entry]:
        found: list[Entry] = []
        for key, value in items:
            if len(found) >= limit:
                break
            if entry := self._entry(key, value):
                found.append(entry)
        return found

    def _entry(self, key: OrderKey, value: Entry | RawRecord) -> Entry | None:
        if isinstance(value, Entry):
            return value
        return self._read(f"entry {key}", value, lambda raw: entry_of(key, raw), lambda _: None)

    def _reply(self, number: InteractionId, value: OwedReply | RawRecord | None) -> OwedReply | None:
        return self._read(f"owed reply {number}", value, lambda raw: reply_of(number, raw), lambda _: None)

    def _read(
        self, item: str, value: T | RawRecord, read: Callable[[RawRecord], T], otherwise: Callable[[RawRecord], T]
    ) -> T:
        if not isinstance(value, dict):
            return value
        try:
            return read(value)
        except OfNewerSchema:
            if read is state_of:
                raise
            log.warning("guild %s: stored %s is set aside: a newer release wrote it", self._guild_id, item)
            return otherwise(value)
        except Unreadable as why:
            log.warning("guild %s: stored %s is set aside: %s", self._guild_id, item, why)
            return otherwise(value)
