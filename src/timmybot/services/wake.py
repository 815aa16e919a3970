"""Waking a bot that sleeps at zero tasks.

A bot without a task has no gateway session and cannot wake itself; whoever takes the command does it. Wall clocks are
good enough here, because a needless wake is harmless.
"""

from __future__ import annotations

import logging

from timmybot.domain.ids import GuildId, shard_of
from timmybot.domain.lease import Heartbeat
from timmybot.ports.clock import Clock
from timmybot.ports.lease_store import LeaseStore
from timmybot.ports.metrics import Metrics
from timmybot.ports.service_scaler import ScalerUnavailable, ServiceScaler
from timmybot.settings import Settings

log = logging.getLogger(__name__)


class Waking:
    def __init__(
        self, leases: LeaseStore, scaler: ServiceScaler, metrics: Metrics, clock: Clock, settings: Settings
    ) -> None:
        self._leases = leases
        self._scaler = scaler
        self._metrics = metrics
        self._clock = clock
        self._settings = settings

    async def ensure_awake(self, guild_id: GuildId) -> bool:
        """Wake the service unless the guild's worker is awake; return whether it had to be woken."""
        # Says that a guild wants a player, so that the idle policy cannot undo the wake before a worker is up.
        self._metrics.emit({"Active": 1})
        heartbeat = await self._leases.heartbeat_of_owner(shard_of(guild_id, self._settings.shard_count))
        if heartbeat and self._is_awake(heartbeat):
            return False
        try:
            await self._scaler.wake()
        except ScalerUnavailable:
            log.exception("the service could not be woken")
            self._metrics.emit({"WakeFailed": 1})
        return True

    def _is_awake(self, heartbeat: Heartbeat) -> bool:
        """A worker that is draining is on its way out: who relies on it waits for nobody."""
        silent_for = self._clock.now() - heartbeat.renewed_at
        return not heartbeat.draining and silent_for < self._settings.lease_seconds
