"""In-memory stores, with calls that fail on demand before or after they took effect.

They need no locks: nothing awaits between reading and writing. Each call first gives way once, so that tasks interleave
as they would around a real store.
"""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.faults import Faults
from tests.fakes.guild_store import FakeGuildStore, FakeGuildStores
from timmybot.domain.ids import Epoch, ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.domain.sound import Measured
from timmybot.domain.track import Track
from timmybot.ports.clock import Clock
from timmybot.ports.identify_budget import BUCKET_SECONDS, IdentifyBudget
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.lease_store import LeaseLost, LeaseStore
from timmybot.ports.records.coordination import HEARTBEAT_KEPT_SECONDS, RESERVATION_BELIEVED_SECONDS
from timmybot.ports.track_cache import MEASURED_KEPT_SECONDS, TrackCache

__all__ = [
    "FakeGuildStore",
    "FakeGuildStores",
    "FakeIdentifyBudget",
    "FakeInbox",
    "FakeLeaseStore",
    "FakeTrackCache",
    "Faults",
]


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
    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._free_at: dict[int, float] = {}

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        async with self.faults.call():
            bucket = shard_id % max_concurrency
            wait = self._free_at.get(bucket, now) - now
            if 0 < wait <= RESERVATION_BELIEVED_SECONDS:
                return min(wait, BUCKET_SECONDS)
            self._free_at[bucket] = now + BUCKET_SECONDS
            return 0.0


class FakeTrackCache(TrackCache):
    def __init__(self, clock: Clock, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._clock = clock
        self._kept: dict[Track, tuple[Measured, float]] = {}

    async def measured(self, track: Track) -> Measured | None:
        async with self.faults.call():
            measured, expires_at = self._kept.get(_place(track), (None, 0.0))
            return measured if expires_at > self._clock.now() else None

    async def keep(self, track: Track, measured: Measured) -> None:
        async with self.faults.call():
            self._kept[_place(track)] = measured, self._clock.now() + MEASURED_KEPT_SECONDS


def _place(track: Track) -> Track:
    """What a track is known by."""
    return replace(track, title=None)
