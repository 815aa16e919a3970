"""The store of heartbeats and shard leases: who lives, and who owns which shard."""

from __future__ import annotations

from typing import Protocol

from timmybot.domain.ids import ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.ports.guild_store import StoreError


class LeaseLost(StoreError):
    """The lease is not as it was last seen: another worker has it. Nothing was written."""


class LeaseStore(Protocol):
    """Every method may raise ``StoreUnavailable``. Every read sees every write acknowledged before it."""

    async def beat(self, heartbeat: Heartbeat) -> None:
        """Write the worker's heartbeat over its last one. It is kept for some minutes after the last beat."""
        ...

    async def heartbeats(self) -> list[Heartbeat]:
        """The heartbeat of every worker, of the living and of those not forgotten yet."""
        ...

    async def heartbeat_of_owner(self, shard_id: ShardId) -> Heartbeat | None:
        """The heartbeat of the worker that owns the shard, if it is owned and its owner is not forgotten."""
        ...

    async def leases(self) -> list[ShardLease]:
        """The lease of every shard that was ever owned."""
        ...

    async def take(self, seen: ShardLease, me: WorkerId) -> ShardLease:
        """Own the shard under the next epoch, if owner and epoch still are as ``seen``; keep its session.

        Raises :class:`LeaseLost`.
        """
        ...

    async def release(self, held: ShardLease, *, next_owner: WorkerId | None, session: GatewaySession | None) -> None:
        """Own the shard no more, and leave its gateway session to whoever takes it. Raises :class:`LeaseLost`."""
        ...

    async def save_session(self, held: ShardLease, session: GatewaySession | None) -> None:
        """Keep the shard's gateway session for a successor. Raises :class:`LeaseLost`."""
        ...
