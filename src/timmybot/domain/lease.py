"""Shard leases: who owns which shard, and how anyone can tell that an owner is gone.

A shard points to its owner; an owner lives as long as the counter of its heartbeat keeps changing. No wall clock is
ever compared to decide who owns what: observers time the silence of a counter on their own monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from timmybot.domain.ids import Epoch, PlayId, ShardId, WorkerId


@dataclass(frozen=True)
class GatewaySession:
    """What a successor needs to resume a shard's gateway session. ``session_id`` is kept out of every ``repr``."""

    session_id: str = field(repr=False)
    resume_url: str
    sequence: int


@dataclass(frozen=True)
class Heartbeat:
    """A worker's proof that it lives, and what its successor would need."""

    worker_id: WorkerId
    counter: int
    renewed_at: float
    """Unix time in seconds. For people and for the front door's guess whether to wake; never for ownership."""
    revision: int = 0
    """The task definition's revision: an older worker that sees a newer one hands over to it."""
    draining: bool = False
    positions: Mapping[PlayId, int] = field(default_factory=dict)
    """Where each of its players was, in milliseconds."""


@dataclass(frozen=True)
class ShardLease:
    """Who owns a shard. ``epoch`` rises whenever it is taken and never resets."""

    shard_id: ShardId
    owner: WorkerId | None = None
    epoch: Epoch = Epoch(0)
    next_owner: WorkerId | None = None
    """The worker that the shard is being handed to; others leave it alone as long as that one lives."""
    session: GatewaySession | None = None


class Observer:
    """Tells which workers live, from how long ago each heartbeat's counter was last seen to change."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._last_change: dict[WorkerId, tuple[int, float]] = {}

    def see(self, heartbeats: Iterable[Heartbeat], now: float) -> None:
        """Take in what the store holds. ``now``: the observer's own monotonic clock, read **after** the store was.

        A counter may be as young as the end of the reading that shows it: a reader that stood still in between would
        else count as silence the time that it stood itself.
        """
        for heartbeat in heartbeats:
            known = self._last_change.get(heartbeat.worker_id)
            if known is None or known[0] != heartbeat.counter:
                self._last_change[heartbeat.worker_id] = (heartbeat.counter, now)

    def is_alive(self, worker_id: WorkerId, now: float) -> bool:
        """Whether the worker's counter changed within the lease. One never seen is not alive."""
        known = self._last_change.get(worker_id)
        return known is not None and now - known[1] < self._lease_seconds


def claimable(lease: ShardLease, me: WorkerId, alive: frozenset[WorkerId]) -> bool:
    """Whether ``me`` may try to take the shard: it is handed to me, or nobody who lives holds or expects it."""
    if lease.owner == me or lease.owner in alive:
        return False
    return lease.next_owner == me or lease.next_owner not in alive


def fair_share(shard_count: int, workers: int) -> int:
    """How many shards a worker takes at most, so that all are taken and none has two more than another."""
    return -(-shard_count // max(workers, 1))
