"""Heartbeats and leases in the table ``coordination``: ``WORKER``/``<worker id>`` and ``SHARD``/``<shard>``.

All of a kind lie in one partition, so that each listing is one query.
"""

from __future__ import annotations

import logging

from timmybot.adapters.dynamodb.table import Clause, ConditionFailed, Key, Put, Table
from timmybot.domain.ids import ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.ports.clock import Clock
from timmybot.ports.lease_store import LeaseLost, LeaseStore
from timmybot.ports.records.coordination import (
    SESSION_FIELDS,
    heartbeat_of,
    heartbeat_record,
    is_forgotten,
    lease_of,
    remaining_lease,
    session_record,
)
from timmybot.ports.records.fields import SCHEMA, Record, Unreadable

log = logging.getLogger(__name__)

_WORKER = "WORKER"
_SHARD = "SHARD"
_FIRST_SHARD, _LAST_SHARD = "0", "99999"
_FIRST_WORKER, _LAST_WORKER = " ", "~"
"""Worker ids are printable ASCII."""


class DynamoLeaseStore(LeaseStore):
    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    async def beat(self, heartbeat: Heartbeat) -> None:
        await self._table.put(Put((_WORKER, heartbeat.worker_id), heartbeat_record(heartbeat, self._clock.now())))

    async def heartbeats(self) -> list[Heartbeat]:
        found = self._table.query(_WORKER, _FIRST_WORKER, _LAST_WORKER)
        read = [self._readable_heartbeat(WorkerId(item), record) async for item, record in found]
        return [heartbeat for heartbeat in read if heartbeat]

    async def heartbeat_of_owner(self, shard_id: ShardId) -> Heartbeat | None:
        stored = await self._table.get(_shard_key(shard_id))
        lease = _readable_lease(shard_id, stored) if stored else None
        if lease is None or lease.owner is None:
            return None
        record = await self._table.get((_WORKER, lease.owner))
        return self._readable_heartbeat(lease.owner, record) if record else None

    async def leases(self) -> list[ShardLease]:
        found = self._table.query(_SHARD, _FIRST_SHARD, _LAST_SHARD)
        rows = [(ShardId(int(item)), record) async for item, record in found if item.isdecimal()]
        return [_readable_lease(shard_id, record) for shard_id, record in rows]

    async def take(self, seen: ShardLease, me: WorkerId) -> ShardLease:
        return await self._update(seen, {"owner": me, "epoch": seen.epoch + 1}, remove=("next_owner",))

    async def release(self, held: ShardLease, *, next_owner: WorkerId | None, session: GatewaySession | None) -> None:
        assign: Record = session_record(session) | ({"next_owner": next_owner} if next_owner else {})
        await self._update(held, assign, remove=_absent(assign, ("owner", "next_owner", *SESSION_FIELDS)))

    async def save_session(self, held: ShardLease, session: GatewaySession | None) -> None:
        assign: Record = session_record(session)
        await self._update(held, assign, remove=_absent(assign, SESSION_FIELDS))

    async def _update(self, seen: ShardLease, assign: Record, remove: tuple[str, ...]) -> ShardLease:
        not_taken_since = Clause("#epoch = :seen_epoch", {":seen_epoch": seen.epoch})
        if seen.epoch == 0:
            # It was never taken, or its epoch cannot be understood and was taken for 0.
            not_taken_since |= Clause("NOT attribute_type(#epoch, :number)", {":number": "N"})
        not_released_since = (
            Clause("#owner = :seen_owner", {":seen_owner": seen.owner})
            if seen.owner is not None
            else Clause("NOT attribute_type(#owner, :text)", {":text": "S"})
        )
        as_last_seen = not_taken_since & not_released_since
        try:
            stored = await self._table.update(
                _shard_key(seen.shard_id), {**assign, "schema": SCHEMA}, remove, when=as_last_seen
            )
        except ConditionFailed as failed:
            raise LeaseLost(f"shard {seen.shard_id} is not held under epoch {seen.epoch} any more") from failed
        return _readable_lease(seen.shard_id, stored)

    def _readable_heartbeat(self, worker_id: WorkerId, record: Record) -> Heartbeat | None:
        try:
            return None if is_forgotten(record, self._clock.now()) else heartbeat_of(worker_id, record)
        except Unreadable as why:
            log.warning("the stored heartbeat of worker %s is set aside: %s", worker_id, why)
            return None


def _readable_lease(shard_id: ShardId, record: Record) -> ShardLease:
    try:
        return lease_of(shard_id, record)
    except Unreadable as why:
        log.warning("of the stored lease of shard %s only owner and epoch are taken: %s", shard_id, why)
        return remaining_lease(shard_id, record)


def _shard_key(shard_id: ShardId) -> Key:
    return _SHARD, f"{shard_id:05d}"


def _absent(assigned: Record, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in assigned)
