"""The gateway sessions of this worker's shards, and voice signalling over them."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from timmybot.adapters.discord_gateway.connection import ShardConnection
from timmybot.adapters.discord_gateway.entry_check import obstacle
from timmybot.adapters.discord_gateway.guild_facts import GuildFacts
from timmybot.adapters.discord_gateway.session import Dispatched, Frame, Op, Session
from timmybot.adapters.discord_gateway.token_owner import owner_of
from timmybot.adapters.discord_gateway.voice_state import VoiceState
from timmybot.domain.ids import ChannelId, GuildId, ShardId, UserId, shard_of
from timmybot.domain.lease import GatewaySession
from timmybot.ports.clock import Clock
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.shard_sessions import GatewayRefused, InteractionHandler
from timmybot.ports.voice_signalling import SignallingError, VoiceEvent, VoiceServer

log = logging.getLogger(__name__)

JOIN_SECONDS: Final = 5.0
"""How long Discord may take to arrange a connection; it usually takes well under one second."""
_CHANNEL_SECONDS: Final = 1.0
_GUILD_SECONDS: Final = 5.0
"""How long after READY the guild's GUILD_CREATE may take."""


class Gateway:
    """``ShardSessions`` and ``VoiceSignalling`` for one bot token.

    ``gateway_url`` is asked for the URL of ``GET /gateway/bot``.
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
        random: random_module.Random | None = None,
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._token = token
        self._gateway_url = gateway_url
        self._identify_budget = identify_budget
        self._shard_count = shard_count
        self._clock = clock
        self._on_interaction = on_interaction
        self._random = random or random_module.Random()  # noqa: S311  # jitter, no secret
        self._join_seconds = join_seconds
        self._user_id = owner_of(token)
        self._connections: dict[ShardId, ShardConnection] = {}
        self._running: dict[ShardId, asyncio.Task[None]] = {}
        self._facts: dict[GuildId, GuildFacts] = {}
        self._promised: set[GuildId] = set()
        """Guilds that a READY has named: the bot is in them, and their GUILD_CREATE will come."""
        self._listed: set[ShardId] = set()
        """Shards whose READY this process has seen, so that a guild it did not name is one the bot is not in."""
        self._voice: dict[GuildId, VoiceState] = {}
        self._subscribers: defaultdict[GuildId, list[Callable[[VoiceEvent], None]]] = defaultdict(list)
        self._news: defaultdict[GuildId, asyncio.Event] = defaultdict(asyncio.Event)
        self._joining: defaultdict[GuildId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._interactions: set[asyncio.Task[None]] = set()

    # -- ShardSessions -------------------------------------------------------------------------------------------

    async def open(self, shard_id: ShardId, session: GatewaySession | None = None) -> None:
        if self.is_open(shard_id):
            return
        await self.close(shard_id)  # clears away one that was refused
        if self._user_id is None:
            session = None  # a session that is resumed does not tell who the bot is, and its voice cannot be told apart
        connection = ShardConnection(
            shard_id,
            Session(self._token, shard_id, self._shard_count, session),
            gateway_url=self._gateway_url,
            identify_budget=self._identify_budget,
            clock=self._clock,
            random=self._random,
            heard=lambda event: self._hear(shard_id, event),
        )
        running = asyncio.create_task(connection.run(), name=f"gateway shard {shard_id}")
        self._connections[shard_id], self._running[shard_id] = connection, running
        ready = asyncio.create_task(connection.up.wait())
        try:
            await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close(shard_id)
            raise
        finally:
            ready.cancel()
        if running.done():
            refusal = running.exception() if not running.cancelled() else None
            await self.close(shard_id)
            raise refusal if refusal is not None else GatewayRefused("The shard was closed while it was being opened.")
        running.add_done_callback(_log_refusal)

    async def close(self, shard_id: ShardId) -> GatewaySession | None:
        connection, running = self._connections.pop(shard_id, None), self._running.pop(shard_id, None)
        if connection is None or running is None:
            return None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        self._forget_guilds(shard_id)
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
        for task in self._interactions:
            task.cancel()
        await asyncio.gather(*self._interactions, return_exceptions=True)

    # -- VoiceSignalling -----------------------------------------------------------------------------------------

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> VoiceServer:
        async with self._joining[guild_id]:
            connection = await self._connection_of(guild_id)
            await self._check_entry(guild_id, channel_id)
            voice = self._voice_of(guild_id)
            # Discord arranges nothing anew for a bot that it shows in the channel already, be it from the predecessor
            # of this worker: leaving first makes it.
            leave_first = voice.is_in(channel_id) or self._may_be_in(guild_id, channel_id)
            for _ in range(2):
                if leave_first:
                    voice.ask(None)
                    await self._ask(connection, guild_id, None)
                voice.ask(channel_id)
                await self._ask(connection, guild_id, channel_id)
                if await self._until(guild_id, lambda: voice.arranged() is not None, self._join_seconds):
                    server = voice.settle()
                    assert server is not None
                    return server
                leave_first = True
            voice.ask(None)
            await self._ask(connection, guild_id, None)
            raise SignallingError(
                f"Discord did not let me into <#{channel_id}>. Check that I may see it, connect and speak there, "
                "then try again."
            )

    async def leave(self, guild_id: GuildId) -> None:
        async with self._joining[guild_id]:
            self._voice_of(guild_id).ask(None)
            connection = self._connections.get(shard_of(guild_id, self._shard_count))
            if connection is not None and connection.up.is_set():
                try:
                    await self._ask(connection, guild_id, None)
                except SignallingError:
                    log.info("guild %d: could not say that it leaves its channel; the session was lost", guild_id)

    def subscribe(self, guild_id: GuildId, heard: Callable[[VoiceEvent], None]) -> Callable[[], None]:
        subscribers = self._subscribers[guild_id]
        subscribers.append(heard)
        return lambda: subscribers.remove(heard) if heard in subscribers else None

    # -- what is behind them -------------------------------------------------------------------------------------

    async def _connection_of(self, guild_id: GuildId) -> ShardConnection:
        shard_id = shard_of(guild_id, self._shard_count)
        connection = self._connections.get(shard_id)
        if connection is None or not self.is_open(shard_id):
            raise SignallingError("I am not connected to Discord for this server. Try again in a moment.")
        try:
            async with asyncio.timeout(self._join_seconds):
                await connection.up.wait()
        except TimeoutError:
            raise SignallingError("I have lost my connection to Discord. Try again in a moment.") from None
        return connection

    async def _check_entry(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        shard_id = shard_of(guild_id, self._shard_count)
        if guild_id not in self._facts and shard_id in self._listed:
            if guild_id not in self._promised:
                raise SignallingError("I am not a member of this server. Invite me, then try again.")
            await self._until(guild_id, lambda: guild_id in self._facts, _GUILD_SECONDS)
        facts = self._facts.get(guild_id)
        if facts is not None:  # the command may have overtaken the news of a channel that was just made
            await self._until(guild_id, lambda: channel_id in facts.channels, _CHANNEL_SECONDS)
        # Without facts (a session resumed from a predecessor) Discord's answer has to do.
        if facts is not None and self._user_id is not None and (why := obstacle(facts, channel_id, self._user_id)):
            raise SignallingError(why)

    def _may_be_in(self, guild_id: GuildId, channel_id: ChannelId) -> bool:
        facts = self._facts.get(guild_id)
        return facts is None or (self._user_id is not None and facts.voice.get(self._user_id) == channel_id)

    async def _ask(self, connection: ShardConnection, guild_id: GuildId, channel_id: ChannelId | None) -> None:
        wish = {
            "guild_id": str(guild_id),
            "channel_id": None if channel_id is None else str(channel_id),
            "self_mute": False,
            "self_deaf": True,  # a bot that listens to nobody should show it, and be sent nothing
        }
        frame: Frame = {"op": Op.VOICE_STATE_UPDATE, "d": wish}
        try:
            await connection.send(frame)
        except ConnectionError as error:
            raise SignallingError("I have lost my connection to Discord. Try again in a moment.") from error

    async def _until(self, guild_id: GuildId, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for the guild's events to make ``holds`` true. False if they do not in time."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._news[guild_id].clear()
                    await self._news[guild_id].wait()
        except TimeoutError:
            return False
        return True

    def _voice_of(self, guild_id: GuildId) -> VoiceState:
        voice = self._voice.setdefault(guild_id, VoiceState(guild_id))
        voice.user_id = self._user_id
        return voice

    def _hear(self, shard_id: ShardId, event: Dispatched) -> None:
        data = event.data
        match event.name:
            case "READY":
                self._user_id = UserId(int(data["user"]["id"]))
                self._forget_guilds(shard_id)
                self._listed.add(shard_id)
                self._promised |= {GuildId(int(guild["id"])) for guild in data.get("guilds", ())}
            case "INTERACTION_CREATE":
                self._hand_over(data)
            case _ if "guild_id" in data or event.name.startswith("GUILD_"):
                self._hear_of_guild(event.name, data)

    def _hear_of_guild(self, name: str, data: Mapping[str, Any]) -> None:
        guild_id = GuildId(int(data.get("guild_id") or data["id"]))
        if name == "GUILD_CREATE":
            if not data.get("unavailable"):
                self._promised.add(guild_id)
                self._facts[guild_id] = GuildFacts.from_create(data, self._user_id)
        elif name == "GUILD_DELETE":
            self._facts.pop(guild_id, None)
            if not data.get("unavailable"):
                self._promised.discard(guild_id)
        else:
            if (facts := self._facts.get(guild_id)) is not None:
                facts.hear(name, data, self._user_id)
            if (happened := self._hear_voice(guild_id, name, data)) is not None:
                for heard in list(self._subscribers[guild_id]):
                    heard(happened)
        self._news[guild_id].set()

    def _hear_voice(self, guild_id: GuildId, name: str, data: Mapping[str, Any]) -> VoiceEvent | None:
        if name == "VOICE_STATE_UPDATE" and int(data["user_id"]) == self._user_id:
            return self._voice_of(guild_id).hear_state(data)
        if name == "VOICE_SERVER_UPDATE":
            return self._voice_of(guild_id).hear_server(data)
        return None

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

    def _forget_guilds(self, shard_id: ShardId) -> None:
        """The shard's session is another one, or none: what the last one told of its guilds counts no more."""
        self._listed.discard(shard_id)
        known = (self._facts, self._voice)
        gone = {guild_id for each in known for guild_id in each} | self._promised
        for guild_id in gone:
            if shard_of(guild_id, self._shard_count) == shard_id:
                self._facts.pop(guild_id, None)
                self._promised.discard(guild_id)
                if guild_id in self._voice:
                    self._voice[guild_id].session_lost()


def _log_refusal(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("Discord refuses the gateway session: %s", error)
