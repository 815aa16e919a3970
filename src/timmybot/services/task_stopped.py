"""What follows when a worker's task has stopped.

The service starts another by itself as long as it wants any. What it cannot see is a wish that came just as the last
task was put to sleep: the front door still saw a worker that beat, woke nobody, and the worker was gone before it read
the wish. Whoever hears of the stop looks once more.
"""

from __future__ import annotations

import logging

from timmybot.domain.ids import GuildId, ShardId
from timmybot.ports.guild_store import GuildStores
from timmybot.ports.metrics import Metrics
from timmybot.ports.service_scaler import ScalerUnavailable, ServiceScaler
from timmybot.settings import Settings

log = logging.getLogger(__name__)


class TaskStopped:
    def __init__(self, guilds: GuildStores, scaler: ServiceScaler, metrics: Metrics, settings: Settings) -> None:
        self._guilds = guilds
        self._scaler = scaler
        self._metrics = metrics
        self._settings = settings

    async def handle(self, *, failed: bool) -> GuildId | None:
        """Wake the service if a guild wants to hear something, and return that guild.

        ``failed`` says that the task ended by itself or never started, as opposed to being told to stop. A service
        that wants a task already is left as it is. Raises :class:`StoreUnavailable` and :class:`ScalerUnavailable`:
        who calls this tries again.
        """
        if failed:
            self._metrics.emit({"WorkersFailed": 1})
        guild_id = await self._who_wants_to_hear()
        if guild_id is None:
            return None
        # So that the idle policy cannot undo the wake before a worker is up.
        self._metrics.emit({"Active": 1})
        try:
            await self._scaler.wake()
        except ScalerUnavailable:
            self._metrics.emit({"WakeFailed": 1})
            raise
        self._metrics.emit({"WokenAgain": 1})
        log.info("a task stopped, and guild %s still wants to hear something", guild_id)
        return guild_id

    async def _who_wants_to_hear(self) -> GuildId | None:
        """The first guild found that wants a player and has not paused it: a paused one is put to sleep on purpose."""
        for shard in range(self._settings.shard_count):
            for guild_id in await self._guilds.wanting(ShardId(shard)):
                state = await self._guilds.open(guild_id).state()
                if state.wants_player and not state.paused:
                    return guild_id
        return None
