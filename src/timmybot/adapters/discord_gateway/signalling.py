"""Voice signalling over the gateway: joining, leaving, and hearing what was not asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from timmybot.adapters.discord_gateway.connection import ShardConnection
from timmybot.adapters.discord_gateway.entry_check import may_not_speak, obstacle, rights_on_stage
from timmybot.adapters.discord_gateway.guild_facts import GuildFacts
from timmybot.adapters.discord_gateway.server_mute import ServerMutes
from timmybot.adapters.discord_gateway.session import Frame, Op
from timmybot.adapters.discord_gateway.stages import Stages
from timmybot.adapters.discord_gateway.voice_state import VoiceState
from timmybot.domain.ids import ChannelId, GuildId, ShardId, UserId, shard_of
from timmybot.ports.voice_signalling import (
    ChannelGone,
    InAudience,
    Kicked,
    MayNotSpeak,
    SessionRenewed,
    SignallingError,
    VoiceEvent,
    VoiceServer,
)

log = logging.getLogger(__name__)

JOIN_SECONDS: Final = 4.0
"""How long Discord may take to arrange a connection; it usually takes well under one second."""
_CHANNEL_SECONDS: Final = 1.0
_CHANGES_OF_RIGHTS: Final = (
    "CHANNEL_UPDATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "GUILD_MEMBER_UPDATE",
    "GUILD_UPDATE",  # which may make a channel the AFK channel
)
_GUILD_SECONDS: Final = 5.0
"""How long after READY the guild's GUILD_CREATE may take."""

_LOOK_UP_SECONDS: Final = 2.0
_LOST: Final = "I have lost my connection to Discord. Try again in a moment."
LookUp = Callable[[GuildId, UserId], Awaitable[Mapping[str, Any]]]


class Signalling:
    """``VoiceSignalling``, fed with the gateway's events. ``connection_to`` finds an open shard's connection."""

    def __init__(
        self,
        connection_to: Callable[[ShardId], ShardConnection | None],
        *,
        shard_count: int,
        user_id: UserId | None,
        may_act: Callable[[ShardId], bool],
        join_seconds: float = JOIN_SECONDS,
        look_up: LookUp | None = None,
        stages: Stages | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.user_id = user_id
        """Who the bot is; ``None`` until a READY has told."""
        self._connection_to = connection_to
        self._may_act = may_act
        self._shard_count = shard_count
        self._join_seconds = join_seconds
        self._look_up = look_up
        self._stages = stages
        self._now = now
        self._mutes = ServerMutes()
        self._facts: dict[GuildId, GuildFacts] = {}
        self._promised: set[GuildId] = set()
        """Guilds that a READY has named: the bot is in them, and their GUILD_CREATE will come."""
        self._listed: set[ShardId] = set()
        """Shards whose READY has come, so that a guild it did not name is one the bot is not in."""
        self._voice: dict[GuildId, VoiceState] = {}
        self._subscribers: defaultdict[GuildId, list[Callable[[VoiceEvent], None]]] = defaultdict(list)
        self._news: defaultdict[GuildId, asyncio.Event] = defaultdict(asyncio.Event)
        self._joining: defaultdict[GuildId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> VoiceServer:
        async with self._joining[guild_id]:
            connection = await self._connection_of(guild_id)
            await self._check_entry(guild_id, channel_id)
            voice = self._voice_of(guild_id)
            if voice.is_in(channel_id):
                # The voice server may have hung up because of a kick, of which the gateway has yet to tell: its word
                # comes before its answer to a heartbeat.
                await self._has_answered(connection, voice)
                if not voice.is_in(channel_id):
                    raise SignallingError("I was disconnected from the voice channel.")
            # Discord arranges nothing anew for a bot that it shows in the channel already, be it from the predecessor
            # of this worker: leaving first makes it.
            leave_first = voice.is_in(channel_id) or self._may_be_in(guild_id, channel_id)
            for _ in range(1 if leave_first else 2):
                if leave_first:
                    voice.ask(None)
                    await self._ask(connection, guild_id, None)
                voice.ask(channel_id)
                await self._ask(connection, guild_id, channel_id)
                if await self._until(guild_id, lambda: voice.arranged() is not None, self._join_seconds):
                    server = voice.settle()
                    assert server is not None
                    if (lost := self._rights_lost(guild_id)) is not None:  # withdrawn since the entry was checked
                        raise SignallingError(lost.sentence, lasting=True)
                    return server
                await self._has_answered(connection, voice)
                leave_first = True
            voice.ask(None)
            await self._ask(connection, guild_id, None)
            raise SignallingError(
                f"Discord did not let me into <#{channel_id}>. Check that I may see it, connect and speak there, and "
                "that it is not full, then try again."
            )

    async def leave(self, guild_id: GuildId) -> None:
        async with self._joining[guild_id]:
            self._voice_of(guild_id).ask(None)
            connection = self._connection_to(shard_of(guild_id, self._shard_count))
            if connection is not None and connection.up.is_set():
                try:
                    await self._ask(connection, guild_id, None)
                except SignallingError:
                    log.info("guild %d: could not say that it leaves its channel; the session was lost", guild_id)

    def others_in(self, guild_id: GuildId, channel_id: ChannelId) -> int | None:
        facts = self._facts.get(guild_id)
        if facts is None or not facts.voice_known or self.user_id is None:
            return None
        return len(facts.people_in(channel_id) - {self.user_id})

    def subscribe(self, guild_id: GuildId, heard: Callable[[VoiceEvent], None]) -> Callable[[], None]:
        subscribers = self._subscribers[guild_id]
        subscribers.append(heard)

        def end() -> None:
            if heard in subscribers:
                subscribers.remove(heard)
            if not subscribers and self._subscribers.get(guild_id) is subscribers:
                del self._subscribers[guild_id]

        return end

    def ready(self, shard_id: ShardId, data: Mapping[str, Any]) -> None:
        """The shard has a new session, whose READY was ``data``."""
        self.forget(shard_id)
        self.user_id = UserId(int(data["user"]["id"]))
        self._listed.add(shard_id)
        self._promised |= {GuildId(int(guild["id"])) for guild in data.get("guilds", ())}
        for guild_id in list(self._subscribers):
            if shard_of(guild_id, self._shard_count) == shard_id:
                self._tell(guild_id, SessionRenewed())

    def hear(self, name: str, data: Mapping[str, Any]) -> None:
        """Take in an event that is about a guild."""
        guild_id = GuildId(int(data.get("guild_id") or data["id"]))
        match name, bool(data.get("unavailable")):
            case "GUILD_CREATE", False:
                self._promised.add(guild_id)
                self._facts[guild_id] = GuildFacts.from_create(data, self.user_id)
            case "GUILD_DELETE", is_outage:
                self._facts.pop(guild_id, None)
                if not is_outage:
                    self._promised.discard(guild_id)
            case _:
                if (facts := self._facts.get(guild_id)) is not None:
                    facts.hear(name, data, self.user_id)
        if (happened := self._hear_voice(guild_id, name, data)) is not None:
            self._tell(guild_id, happened)
        if guild_id in self._news:
            self._news[guild_id].set()

    def _tell(self, guild_id: GuildId, happened: VoiceEvent) -> None:
        for heard in list(self._subscribers.get(guild_id, ())):
            heard(happened)

    def _hear_voice(self, guild_id: GuildId, name: str, data: Mapping[str, Any]) -> VoiceEvent | None:
        if name == "VOICE_STATE_UPDATE" and int(data["user_id"]) == self.user_id:
            return self._hear_own_state(guild_id, data)
        if name == "VOICE_SERVER_UPDATE":
            return self._voice_of(guild_id).hear_server(data)
        if name == "GUILD_DELETE" and not data.get("unavailable"):
            return self._voice_of(guild_id).hear_expulsion()
        return self._rights_lost(guild_id) if name in _CHANGES_OF_RIGHTS else None

    def _hear_own_state(self, guild_id: GuildId, data: Mapping[str, Any]) -> VoiceEvent | None:
        voice = self._voice_of(guild_id)
        if not voice.is_elsewhere(data):
            if self._stages is not None:
                rights = self._rights_on_stage(guild_id, voice.user_id, data)
                self._stages.hear(guild_id, data, rights, lambda said: self._tell(guild_id, InAudience(said)))
            if (muted := self._mutes.hear(guild_id, data)) is not None:
                self._tell(guild_id, muted)
        before = voice.settled_in
        happened = voice.hear_state(data)
        # Who is moved may be moved anywhere: nobody checks the entry, and no event of rights follows.
        if voice.settled_in not in (None, before) and (lost := self._rights_lost(guild_id)) is not None:
            return lost
        return self._why_gone(guild_id, happened) if isinstance(happened, Kicked) else happened

    def _rights_on_stage(self, guild_id: GuildId, me: UserId | None, data: Mapping[str, Any]) -> int | None:
        facts, channel_id = self._facts.get(guild_id), data.get("channel_id")
        if facts is None or channel_id is None or me is None:
            return None
        return rights_on_stage(facts, ChannelId(int(channel_id)), me)

    def _why_gone(self, guild_id: GuildId, kicked: Kicked) -> VoiceEvent:
        facts, channel_id = self._facts.get(guild_id), self._voice_of(guild_id).last_channel_id
        is_known = facts is not None and channel_id is not None
        return ChannelGone() if is_known and channel_id not in facts.channels else kicked  # type: ignore[union-attr]

    def _rights_lost(self, guild_id: GuildId) -> MayNotSpeak | None:
        facts, voice = self._facts.get(guild_id), self._voice.get(guild_id)
        if facts is None or voice is None or voice.settled_in is None or self.user_id is None:
            return None
        sentence = may_not_speak(facts, voice.settled_in, self.user_id, self._now())
        return MayNotSpeak(sentence) if sentence else None

    def resumed(self, shard_id: ShardId) -> None:
        """All that the shard's session had missed has been told; what was asked over the last connection is void."""
        for guild_id, voice in self._voice.items():
            if shard_of(guild_id, self._shard_count) == shard_id:
                voice.answered()

    def forget(self, shard_id: ShardId) -> None:
        """The shard's session is another one, or none: what the last one told of its guilds counts no more."""
        self._listed.discard(shard_id)
        known = (self._facts, self._voice)
        gone = {guild_id for each in known for guild_id in each} | self._promised
        for guild_id in gone:
            if shard_of(guild_id, self._shard_count) == shard_id:
                self._facts.pop(guild_id, None)
                self._promised.discard(guild_id)
                self._mutes.forget(guild_id)
                if guild_id in self._voice:
                    self._voice[guild_id].session_lost()

    async def _connection_of(self, guild_id: GuildId) -> ShardConnection:
        shard_id = shard_of(guild_id, self._shard_count)
        connection = self._connection_to(shard_id)
        if connection is None or not self._may_act(shard_id):
            raise SignallingError("I am not connected to Discord for this server. Try again in a moment.", away=True)
        try:
            async with asyncio.timeout(self._join_seconds):
                await connection.up.wait()
        except TimeoutError:
            raise SignallingError(_LOST, away=True) from None
        return connection

    async def _has_answered(self, connection: ShardConnection, voice: VoiceState) -> None:
        """Raises if Discord has not so much as heard what was asked: nothing follows from its silence then."""
        if not await connection.has_answered(self._join_seconds):
            voice.ask(None)
            raise SignallingError(_LOST, away=True)
        voice.answered()

    async def _check_entry(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        shard_id = shard_of(guild_id, self._shard_count)
        if guild_id not in self._facts and shard_id in self._listed:
            if guild_id not in self._promised:
                raise SignallingError("I am not a member of this server. Invite me, then try again.", lasting=True)
            await self._until(guild_id, lambda: guild_id in self._facts, _GUILD_SECONDS)
        facts = self._facts.get(guild_id) or await self._looked_up(guild_id)
        if facts is not None:  # the command may have overtaken the news of a channel that was just made
            await self._until(guild_id, lambda: channel_id in facts.channels, _CHANNEL_SECONDS)
        # Without facts Discord's answer has to do.
        if facts is None or self.user_id is None:
            return
        if why := obstacle(facts, channel_id, self.user_id, self._now()):
            raise SignallingError(why, lasting=True)

    async def _looked_up(self, guild_id: GuildId) -> GuildFacts | None:
        """A session that was resumed from a predecessor brings no GUILD_CREATE: ask, rather than be refused silently.

        Who is in which channel cannot be asked for at once, so it stays unknown.
        """
        if self._look_up is None or self.user_id is None:
            return None
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                data = await self._look_up(guild_id, self.user_id)
            facts = GuildFacts.from_create(data, self.user_id, voice_known=False)
        except Exception as error:  # it is a courtesy: whatever is wrong with it must not keep the bot out
            log.warning("guild %d could not be looked up (%s)", guild_id, type(error).__name__)
            return None
        return self._facts.setdefault(guild_id, facts)

    def _may_be_in(self, guild_id: GuildId, channel_id: ChannelId) -> bool:
        facts = self._facts.get(guild_id)
        return (
            facts is None
            or not facts.voice_known
            or (self.user_id is not None and facts.voice.get(self.user_id) == channel_id)
        )

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
            raise SignallingError(_LOST, away=True) from error

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
        voice.user_id = self.user_id
        return voice
