"""In-memory stores, with calls that fail on demand before or after they took effect.

They need no locks: nothing awaits between reading and writing. Each call first gives way once, so that tasks interleave
as they would around a real store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId, WorkerId, shard_of
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.domain.track import Entry
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import Fenced, GuildStore, GuildStores, StoreUnavailable, VersionConflict
from timmybot.ports.identify_budget import BUCKET_SECONDS, IdentifyBudget
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.lease_store import LeaseLost, LeaseStore
from timmybot.ports.records.coordination import HEARTBEAT_KEPT_SECONDS, RESERVATION_BELIEVED_SECONDS


class Faults:
    """What goes wrong with the next calls. Every failing call raises ``StoreUnavailable``."""

    def __init__(self) -> None:
        self.fail_before = 0
        """How many of the next calls fail before they took effect."""
        self.fail_after = 0
        """How many of the next calls fail although they took effect: the answer was lost."""
        self.outage = False
        """While set, every call fails before it took effect."""
        self.calls = 0
        """How many calls were made, failed ones included."""

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        self.calls += 1
        await asyncio.sleep(0)
        if self.outage or self.fail_before:
            self.fail_before = max(self.fail_before - 1, 0)
            raise StoreUnavailable("the store is made to fail before the call")
        yield
        if self.fail_after:
            self.fail_after -= 1
            raise StoreUnavailable("the store is made to fail after the call")


@dataclass
class Stored:
    """All that is stored of one guild."""

    state: GuildState = field(default_factory=GuildState)
    entries: dict[tuple[int, OrderKey], Entry] = field(default_factory=dict)
    """By generation and key."""
    replies: dict[InteractionId, OwedReply] = field(default_factory=dict)


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
            wanting = [guild_id for guild_id, stored in self.stored.items() if stored.state.wants_player]
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
            return self._stored.state

    async def entry(self, key: OrderKey) -> Entry | None:
        async with self._faults.call():
            return self._stored.entries.get((self._stored.state.generation, key))

    async def entries(self, *, after: OrderKey, limit: int) -> list[Entry]:
        async with self._faults.call():
            current = self._stored.state.generation
            keys = sorted(key for generation, key in self._stored.entries if generation == current and key > after)
            return [self._stored.entries[current, key] for key in keys[:limit]]

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        async with self._faults.call():
            return self._commit(change, epoch)

    async def claim(self, epoch: Epoch) -> GuildState:
        async with self._faults.call():
            state = self._stored.state
            if state.epoch > epoch:
                raise Fenced(f"claimed under epoch {state.epoch}, not {epoch}")
            return state if state.epoch == epoch else self._commit(Change(replace(state, epoch=epoch)), None)

    async def owed_replies(self) -> list[OwedReply]:
        async with self._faults.call():
            replies = sorted(self._stored.replies.values(), key=lambda reply: reply.interaction_id)
            return [reply for reply in replies if reply.expires_at > self._clock.now()]

    async def settle(self, interaction_id: InteractionId) -> None:
        async with self._faults.call():
            self._stored.replies.pop(interaction_id, None)

    def _commit(self, change: Change, epoch: Epoch | None) -> GuildState:
        stored, state = self._stored, change.state
        if epoch is not None and stored.state.epoch != epoch:
            raise Fenced(f"claimed under epoch {stored.state.epoch}, not {epoch}")
        if stored.state.version != state.version:
            raise VersionConflict(f"at version {stored.state.version}, not {state.version}")
        stored.state = replace(state, version=state.version + 1)
        for entry in change.add + change.replace:
            stored.entries[state.generation, entry.key] = entry
        for key in change.remove:
            stored.entries.pop((state.generation, key), None)
        for reply in change.owe:
            stored.replies[reply.interaction_id] = reply
        return stored.state


class FakeLeaseStore(LeaseStore):
    def __init__(self, clock: Clock, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._clock = clock
        self._heartbeats: dict[WorkerId, tuple[Heartbeat, float]] = {}
        self._leases: dict[ShardId, ShardLease] = {}

    async def beat(self, heartbeat: Heartbeat) -> None:
        async with self.faults.call():
            self._heartbeats[heartbeat.worker_id] = heartbeat, self._clock.now() + HEARTBEAT_KEPT_SECONDS

    async def heartbeats(self) -> list[Heartbeat]:
        async with self.faults.call():
            return [each for worker_id in sorted(self._heartbeats) if (each := self._remembered(worker_id))]

    async def heartbeat_of_owner(self, shard_id: ShardId) -> Heartbeat | None:
        async with self.faults.call():
            owner = self._lease(shard_id).owner
            return self._remembered(owner) if owner else None

    async def leases(self) -> list[ShardLease]:
        async with self.faults.call():
            return [self._leases[shard_id] for shard_id in sorted(self._leases)]

    async def take(self, seen: ShardLease, me: WorkerId) -> ShardLease:
        async with self.faults.call():
            return self._write(
                replace(self._as_seen(seen), owner=me, epoch=Epoch(seen.epoch + 1), next_owner=None),
            )

    async def release(self, held: ShardLease, *, next_owner: WorkerId | None, session: GatewaySession | None) -> None:
        async with self.faults.call():
            self._write(replace(self._as_seen(held), owner=None, next_owner=next_owner, session=session))

    async def save_session(self, held: ShardLease, session: GatewaySession | None) -> None:
        async with self.faults.call():
            self._write(replace(self._as_seen(held), session=session))

    def _remembered(self, worker_id: WorkerId) -> Heartbeat | None:
        heartbeat, expires_at = self._heartbeats.get(worker_id, (None, 0.0))
        return heartbeat if expires_at > self._clock.now() else None

    def _lease(self, shard_id: ShardId) -> ShardLease:
        return self._leases.get(shard_id, ShardLease(shard_id))

    def _as_seen(self, seen: ShardLease) -> ShardLease:
        stored = self._lease(seen.shard_id)
        if (stored.owner, stored.epoch) != (seen.owner, seen.epoch):
            raise LeaseLost(f"shard {seen.shard_id} is not held under epoch {seen.epoch} any more")
        return stored

    def _write(self, lease: ShardLease) -> ShardLease:
        self._leases[lease.shard_id] = lease
        return lease


class FakeInbox(Inbox):
    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.nudges: list[Nudge] = []

    async def post(self, nudge: Nudge) -> None:
        async with self.faults.call():
            self.nudges.append(nudge)

    async def read(self, since: float) -> list[Nudge]:
        async with self.faults.call():
            found = (nudge for nudge in self.nudges if nudge.written_at >= since)
            return sorted(found, key=lambda nudge: (nudge.written_at, nudge.nudge_id))


class FakeIdentifyBudget(IdentifyBudget):
    def __init__(self, max_concurrency: int = 1, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._max_concurrency = max_concurrency
        self._free_at: dict[int, float] = {}

    async def reserve(self, shard_id: ShardId, now: float) -> float:
        async with self.faults.call():
            bucket = shard_id % self._max_concurrency
            wait = self._free_at.get(bucket, now) - now
            if 0 < wait <= RESERVATION_BELIEVED_SECONDS:
                return min(wait, BUCKET_SECONDS)
            self._free_at[bucket] = now + BUCKET_SECONDS
            return 0.0
