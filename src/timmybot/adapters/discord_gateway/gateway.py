"""The gateway sessions of this worker's shards, and voice signalling over them."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from timmybot.adapters.discord_gateway.connection import ShardConnection
from timmybot.adapters.discord_gateway.identify_gate import AskStarts, IdentifyGate
from timmybot.adapters.discord_gateway.session import Dispatched, Session
from timmybot.adapters.discord_gateway.signalling import JOIN_SECONDS, LookUp, Signalling
from timmybot.adapters.discord_gateway.stages import ChangeVoice, Stages
from timmybot.adapters.discord_gateway.token_owner import owner_of
from timmybot.domain.ids import ChannelId, GuildId, ShardId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.clock import Clock
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.metrics import Metrics
from timmybot.ports.shard_sessions import GatewayRefused, InteractionHandler
from timmybot.ports.voice_signalling import VoiceEvent, VoiceServer

log = logging.getLogger(__name__)


class Gateway:
    """``ShardSessions`` and ``VoiceSignalling`` for one bot token.

    ``gateway_url`` is asked for the URL of ``GET /gateway/bot``. ``may_act`` tells whether this worker still has the
    strict right to a shard: without it, lost connections are not made again and no channel is joined, lest two
    workers take a session or a call from each other in turns. ``session_starts`` (``GET /gateway/bot``) is asked before
    each IDENTIFY; ``look_up`` tells of a guild what its GUILD_CREATE would, where a predecessor's session has been
    resumed.
    """

    def __init__(
        self,
        token: str,
        *,
        gateway_url: Callable[[], Awaitable[str]],
        identify_budget: IdentifyBudget,
        shard_count: int,
        clock: Clock,
        on_interaction: InteractionHandler | None = None,
        may_act: Callable[[ShardId], bool] = lambda _: True,
        random: random_module.Random | None = None,
        join_seconds: float = JOIN_SECONDS,
        session_starts: AskStarts | None = None,
        metrics: Metrics | None = None,
        look_up: LookUp | None = None,
        change_voice: ChangeVoice | None = None,
    ) -> None:
        self._token = token
        self._gateway_url = gateway_url
        self._gate = IdentifyGate(identify_budget, clock, session_starts, metrics)
        self._shard_count = shard_count
        self._clock = clock
        self._on_interaction = on_interaction
        self._may_act = may_act
        self._random = random or random_module.Random()  # noqa: S311  # jitter, no secret
        self._stages = Stages(change_voice, clock) if change_voice is not None else None
        self._signalling = Signalling(
            self._connection_to,
            shard_count=shard_count,
            user_id=owner_of(token),
            may_act=may_act,
            join_seconds=join_seconds,
            look_up=look_up,
            stages=self._stages,
            now=clock.now,
        )
        self._connections: dict[ShardId, ShardConnection] = {}
        self._running: dict[ShardId, asyncio.Task[None]] = {}
        self._interactions: set[asyncio.Task[None]] = set()

    # -- ShardSessions -------------------------------------------------------------------------------------------

    async def open(self, shard_id: ShardId, session: GatewaySession | None = None) -> None:
        if not self.is_open(shard_id):
            await self.close(shard_id)  # clears away one that was refused
            if session is None:
                self._gate.check()  # else every guild would have a connection made every few seconds, to no end
            self._start(shard_id, session)
        connection, running = self._connections[shard_id], self._running[shard_id]
        ready = asyncio.create_task(connection.up.wait())
        try:
            await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not connection.up.is_set():
                await self.close(shard_id)
            raise
        finally:
            ready.cancel()
        if running.done():
            refusal = None if running.cancelled() else running.exception()
            raise refusal or GatewayRefused("The shard was closed while it was being opened.")

    async def close(self, shard_id: ShardId) -> GatewaySession | None:
        connection, running = self._connections.pop(shard_id, None), self._running.pop(shard_id, None)
        if connection is None or running is None:
            return None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        self._signalling.forget(shard_id)
        return connection.session.resumable

    def session(self, shard_id: ShardId) -> GatewaySession | None:
        connection = self._connections.get(shard_id)
        return connection.session.resumable if connection else None

    def is_open(self, shard_id: ShardId) -> bool:
        running = self._running.get(shard_id)
        return running is not None and not running.done()

    async def close_all(self) -> None:
        """Close every shard, resumably, and end what interactions are still being handled."""
        await asyncio.gather(*(self.close(shard_id) for shard_id in list(self._connections)))
        if self._stages is not None:
            await self._stages.close()
        for task in self._interactions:
            task.cancel()
        await asyncio.gather(*self._interactions, return_exceptions=True)

    # -- VoiceSignalling -----------------------------------------------------------------------------------------

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> VoiceServer:
        return await self._signalling.join(guild_id, channel_id)

    async def leave(self, guild_id: GuildId) -> None:
        await self._signalling.leave(guild_id)

    def others_in(self, guild_id: GuildId, channel_id: ChannelId) -> int | None:
        return self._signalling.others_in(guild_id, channel_id)

    def subscribe(self, guild_id: GuildId, heard: Callable[[VoiceEvent], None]) -> Callable[[], None]:
        return self._signalling.subscribe(guild_id, heard)

    # -- what is behind them -------------------------------------------------------------------------------------

    def _start(self, shard_id: ShardId, session: GatewaySession | None) -> None:
        if self._signalling.user_id is None:
            session = None  # a session that is resumed does not tell who the bot is, and voice cannot do without
        connection = ShardConnection(
            shard_id,
            Session(self._token, shard_id, self._shard_count, session),
            gateway_url=self._gateway_url,
            gate=self._gate,
            clock=self._clock,
            random=self._random,
            heard=lambda event: self._hear(shard_id, event),
            may_reconnect=lambda: self._may_act(shard_id),
        )
        running = asyncio.create_task(connection.run(), name=f"gateway shard {shard_id}")
        running.add_done_callback(_log_refusal)
        self._connections[shard_id], self._running[shard_id] = connection, running

    def _connection_to(self, shard_id: ShardId) -> ShardConnection | None:
        return self._connections.get(shard_id) if self.is_open(shard_id) else None

    def _hear(self, shard_id: ShardId, event: Dispatched) -> None:
        if event.name == "READY":
            self._signalling.ready(shard_id, event.data)
        elif event.name == "RESUMED":
            self._signalling.resumed(shard_id)
        elif event.name == "INTERACTION_CREATE":
            self._hand_over(event.data)
        elif "guild_id" in event.data or event.name.startswith("GUILD_"):
            self._signalling.hear(event.name, event.data)

    def _hand_over(self, data: Mapping[str, Any]) -> None:
        if self._on_interaction is None:
            return
        task = asyncio.ensure_future(self._on_interaction(data))
        self._interactions.add(task)
        task.add_done_callback(self._interaction_done)

    def _interaction_done(self, task: asyncio.Future[None]) -> None:
        self._interactions.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an interaction could not be handled", exc_info=error)


def _log_refusal(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("Discord refuses the gateway session: %s", error)
