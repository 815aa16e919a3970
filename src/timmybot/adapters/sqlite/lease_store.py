"""Heartbeats and leases in one SQLite file. `timmybot run` is one worker, and keeps the same rules."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import Database, from_text, to_text
from timmybot.domain.ids import Epoch, ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.ports.clock import Clock
from timmybot.ports.lease_store import LeaseLost, LeaseStore
from timmybot.ports.records.coordination import (
    HEARTBEAT_KEPT_SECONDS,
    heartbeat_of,
    heartbeat_record,
    is_forgotten,
    lease_of,
    lease_record,
    remaining_lease,
)
from timmybot.ports.records.fields import Record, Unreadable

log = logging.getLogger(__name__)


class SqliteLeaseStore(LeaseStore):
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def beat(self, heartbeat: Heartbeat) -> None:
        now = self._clock.now()
        text, expires_at = to_text(heartbeat_record(heartbeat, now)), now + HEARTBEAT_KEPT_SECONDS

        def write(connection: Connection) -> None:
            # Each start of the program is a worker of its own: the file must not grow by one for ever.
            connection.execute("DELETE FROM worker WHERE expires_at <= ?", (now,))
            connection.execute("REPLACE INTO worker VALUES (?, ?, ?)", (heartbeat.worker_id, expires_at, text))

        await self._database.run(write)

    async def heartbeats(self) -> list[Heartbeat]:
        def find(connection: Connection) -> list[Heartbeat]:
            rows = connection.execute("SELECT worker_id, record FROM worker ORDER BY worker_id")
            read = [self._readable_heartbeat(WorkerId(worker_id), from_text(text)) for worker_id, text in rows]
            return [heartbeat for heartbeat in read if heartbeat]

        return await self._database.run(find)

    async def heartbeat_of_owner(self, shard_id: ShardId) -> Heartbeat | None:
        def find(connection: Connection) -> Heartbeat | None:
            owner = _lease(connection, shard_id).owner
            if owner is None:
                return None
            row = connection.execute("SELECT record FROM worker WHERE worker_id = ?", (owner,)).fetchone()
            return self._readable_heartbeat(owner, from_text(row[0])) if row else None

        return await self._database.run(find)

    async def leases(self) -> list[ShardLease]:
        def find(connection: Connection) -> list[ShardLease]:
            rows = connection.execute("SELECT shard_id, record FROM shard ORDER BY shard_id").fetchall()
            return [_readable_lease(ShardId(shard_id), from_text(text)) for shard_id, text in rows]

        return await self._database.run(find)

    async def take(self, seen: ShardLease, me: WorkerId) -> ShardLease:
        def taken(stored: ShardLease) -> ShardLease:
            return replace(stored, owner=me, epoch=Epoch(seen.epoch + 1), next_owner=None)

        return await self._database.run(partial(_change, seen, taken))

    async def release(self, held: ShardLease, *, next_owner: WorkerId | None, session: GatewaySession | None) -> None:
        def released(stored: ShardLease) -> ShardLease:
            return replace(stored, owner=None, next_owner=next_owner, session=session)

        await self._database.run(partial(_change, held, released))

    async def save_session(self, held: ShardLease, session: GatewaySession | None) -> None:
        def with_session(stored: ShardLease) -> ShardLease:
            return replace(stored, session=session)

        await self._database.run(partial(_change, held, with_session))

    def _readable_heartbeat(self, worker_id: WorkerId, record: Record) -> Heartbeat | None:
        try:
            return None if is_forgotten(record, self._clock.now()) else heartbeat_of(worker_id, record)
        except Unreadable as why:
            log.warning("the stored heartbeat of worker %s is set aside: %s", worker_id, why)
            return None


def _change(seen: ShardLease, changed: Callable[[ShardLease], ShardLease], connection: Connection) -> ShardLease:
    stored = _lease(connection, seen.shard_id)
    if (stored.owner, stored.epoch) != (seen.owner, seen.epoch):
        raise LeaseLost(f"shard {seen.shard_id} is not held under epoch {seen.epoch} any more")
    lease = changed(stored)
    connection.execute("REPLACE INTO shard VALUES (?, ?)", (lease.shard_id, to_text(lease_record(lease))))
    return lease


def _lease(connection: Connection, shard_id: ShardId) -> ShardLease:
    row = connection.execute("SELECT record FROM shard WHERE shard_id = ?", (shard_id,)).fetchone()
    return _readable_lease(shard_id, from_text(row[0])) if row else ShardLease(shard_id)


def _readable_lease(shard_id: ShardId, record: Record) -> ShardLease:
    try:
        return lease_of(shard_id, record)
    except Unreadable as why:
        log.warning("of the stored lease of shard %s only owner and epoch are taken: %s", shard_id, why)
        return remaining_lease(shard_id, record)
