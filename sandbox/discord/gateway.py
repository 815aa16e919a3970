"""Discord's gateway, version 10: one websocket per shard and session.

Source: https://docs.discord.com/developers/events/gateway and topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from sandbox.discord import payloads
from sandbox.discord.connection import Connection
from sandbox.discord.gateway_codes import (
    ALREADY_AUTHENTICATED,
    AUTHENTICATION_FAILED,
    DECODE_ERROR,
    GOING_AWAY,
    HEARTBEAT,
    HEARTBEAT_ACK,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    INVALID_VERSION,
    NORMAL,
    NOT_AUTHENTICATED,
    PRESENCE,
    RATE_LIMITED,
    RECONNECT,
    REQUEST_MEMBERS,
    RESUME,
    UNKNOWN_OPCODE,
    VOICE_STATE,
)
from sandbox.discord.identify_budget import IdentifyBudget
from sandbox.discord.identify_check import fault_of, read_shard
from sandbox.discord.links import Closed, Link, LinkServer
from sandbox.discord.log import GatewayClose, Identify, Log, Resume, VoiceStateRequest
from sandbox.discord.sessions import Session, Sessions
from sandbox.discord.world import Application, World

Json = dict[str, Any]

ENDS_SESSION = frozenset({NORMAL, GOING_AWAY})
PAYLOAD_LIMIT_BYTES = 4_096


class Gateway(LinkServer[Session]):
    """The gateway server. Public fields may be changed by a test before clients connect."""

    def __init__(self, world: World, log: Log) -> None:
        super().__init__(world.clock)
        self._world = world
        self._log = log
        self._budgets: dict[int, IdentifyBudget] = {}
        self.sessions = Sessions(world)
        self.url = ""
        self.heartbeat_interval_seconds = 41.25
        self.heartbeat_grace = 1.5
        """How many intervals may pass without a heartbeat."""
        self.sends_per_minute = 120
        self.resumable_seconds = 180.0
        """How long a session without connection is kept. Discord says "a few minutes"."""

    def budget(self, app: Application) -> IdentifyBudget:
        """The identify budget of an application, to read or to bend."""
        return self._budgets.setdefault(app.application_id, IdentifyBudget(self._clock))

    async def close_all(self, code: int) -> None:
        """Discord closes every gateway connection. 1000 and 1001 end the sessions, others leave them resumable."""
        self._close_links(code)

    def hold_up(self, *, held: bool = True) -> None:
        """What Discord says over the gateway is held up on its way, or flows again."""
        for link in self._links:
            if held:
                link.connection.flowing.clear()
            else:
                link.connection.flowing.set()

    async def ask_all_to_reconnect(self) -> None:
        """Op 7 to everybody, as when a gateway node is taken out of service."""
        for link in list(self._links):
            link.connection.send({"op": RECONNECT, "d": None})

    async def invalidate_all(self, *, resumable: bool = False) -> None:
        """Op 9 to everybody; unless ``resumable``, the sessions end."""
        for link in list(self._links):
            link.connection.send({"op": INVALID_SESSION, "d": resumable})
            if link.session and not resumable:
                self.sessions.end(link.session)
                link.session = None

    def _connection(self, request: web.Request) -> Connection:
        is_compressed = request.query.get("compress") == "zlib-stream"
        return Connection(zlib_stream=is_compressed, look=self._world.look.gateway_sends)

    def _patience_seconds(self) -> float:
        return self.heartbeat_interval_seconds * self.heartbeat_grace

    def _greet(self, link: Link[Session], request: web.Request) -> None:
        if request.query.get("v") != "10" or request.query.get("encoding", "json") != "json":
            link.connection.close(INVALID_VERSION)
        else:
            interval_ms = int(self.heartbeat_interval_seconds * 1000)
            link.connection.send({"op": HELLO, "d": {"heartbeat_interval": interval_ms}})

    def _lost(self, link: Link[Session]) -> None:
        connection, session = link.connection, link.session
        by_client = connection.closing_code is None
        session_id = session.session_id if session else None
        self._log.add(GatewayClose(self._clock.monotonic(), session_id, connection.close_code, by_client))
        if session is None or session.connection is not connection:
            return
        session.connection = None
        session.lost_at = self._clock.monotonic()
        if connection.close_code in ENDS_SESSION:
            self.sessions.end(session)

    def _count_send(self, link: Link[Session]) -> None:
        now = self._clock.monotonic()
        link.sends.append(now)
        while now - link.sends[0] >= 60.0:
            link.sends.popleft()
        if len(link.sends) > self.sends_per_minute:
            raise Closed(RATE_LIMITED)

    async def expire_sessions(self) -> None:
        """Forget sessions nobody resumed. Runs for as long as the server does."""
        while True:
            await self._clock.sleep(1.0)
            self.sessions.expire(self.resumable_seconds)

    def _receive(self, link: Link[Session], message: WSMessage) -> None:
        self._count_send(link)
        if message.type is not WSMsgType.TEXT or len(message.data) > PAYLOAD_LIMIT_BYTES:
            raise Closed(DECODE_ERROR)
        try:
            payload = json.loads(message.data)
            opcode, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Closed(DECODE_ERROR) from None
        if opcode == HEARTBEAT:
            link.last_heartbeat = self._clock.monotonic()
            link.connection.send({"op": HEARTBEAT_ACK, "d": None})
            self._world.look.gateway_took(opcode, data)
            return
        handler = {
            IDENTIFY: self._identify,
            RESUME: self._resume,
            VOICE_STATE: self._voice_state,
            REQUEST_MEMBERS: self._request_members,
            PRESENCE: self._presence,
        }.get(opcode)
        if handler is None:
            raise Closed(UNKNOWN_OPCODE)
        if opcode in (IDENTIFY, RESUME):
            if link.session:
                raise Closed(ALREADY_AUTHENTICATED)
        elif link.session is None:
            raise Closed(NOT_AUTHENTICATED)
        try:
            handler(link, data)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Closed(DECODE_ERROR) from None
        self._world.look.gateway_took(opcode, data)

    def _identify(self, link: Link[Session], data: Json) -> None:
        shard = read_shard(data.get("shard", [0, 1]))
        intents = data["intents"]
        app = self._world.application_by_token(str(data["token"]).removeprefix("Bot "))
        now = self._clock.monotonic()

        def record(session_id: str | None, refused: str | None) -> None:
            application_id = app.application_id if app else None
            self._log.add(Identify(now, application_id, shard, intents, session_id, refused))

        if code := fault_of(app, shard, intents):
            record(None, f"close {code}")
            raise Closed(code)
        assert app
        refused = self.budget(app).spend(shard[0])
        if refused:
            record(None, refused)
            link.connection.send({"op": INVALID_SESSION, "d": False})
            if refused == "day exhausted":
                self._reset_token(app)
            return
        link.session = self.sessions.open(app, shard, intents, link.connection, self.url)
        record(link.session.session_id, None)

    def _reset_token(self, app: Application) -> None:
        app.bot_token = self._world.new_token(app.application_id)
        for session in self.sessions:
            if session.application is app:
                if session.connection:
                    session.connection.close(AUTHENTICATION_FAILED)
                self.sessions.end(session)

    def _resume(self, link: Link[Session], data: Json) -> None:
        session_id, sequence = data["session_id"], data["seq"]
        now = self._clock.monotonic()
        app = self._world.application_by_token(str(data["token"]).removeprefix("Bot "))
        if app is None:
            self._log.add(Resume(now, session_id, sequence, 0, f"close {AUTHENTICATION_FAILED}"))
            raise Closed(AUTHENTICATION_FAILED)
        self.sessions.expire(self.resumable_seconds)
        session = self.sessions.get(session_id)
        missed = session.missed_since(sequence) if session and session.application is app else None
        if session is None or missed is None:
            self._log.add(Resume(now, session_id, sequence, 0, "invalid session"))
            link.connection.send({"op": INVALID_SESSION, "d": False})
            return
        if session.connection:
            # The old connection is a ghost: its client is the one that is resuming.
            session.connection.close(4000)
        session.connection, session.lost_at = link.connection, None
        link.session = session
        for message in missed:
            link.connection.send(message)
        self._log.add(Resume(now, session_id, sequence, len(missed)))
        session.dispatch("RESUMED", {})

    def _voice_state(self, link: Link[Session], data: Json) -> None:
        session = link.session
        assert session
        guild_id = int(data["guild_id"])
        channel_id = None if data["channel_id"] is None else int(data["channel_id"])
        guild = self._world.guilds.get(guild_id)
        ignored: str | None
        if guild is None or not session.serves(guild):
            ignored = "guild is not on this shard"
        elif channel_id is not None and channel_id not in guild.channels:
            ignored = "unknown channel"
        else:
            channel = guild.channels[channel_id] if channel_id is not None else None
            ignored = self._world.voice_states.bot_asks(
                session.application,
                session.session_id,
                guild,
                channel,
                self_mute=bool(data.get("self_mute")),
                self_deaf=bool(data.get("self_deaf")),
            )
        now = self._clock.monotonic()
        self._log.add(VoiceStateRequest(now, session.session_id, guild_id, channel_id, ignored))

    def _presence(self, link: Link[Session], data: Json) -> None:
        """Nobody here looks at what a bot is "playing"."""

    def _request_members(self, link: Link[Session], data: Json) -> None:
        session = link.session
        assert session
        guild = self._world.guilds.get(int(data["guild_id"]))
        if guild is None or not session.serves(guild):
            return
        wanted = {int(user_id) for user_id in data.get("user_ids", [])}
        found = [
            payloads.member(person, guild)
            for person in guild.members.values()
            if not wanted or person.user_id in wanted
        ]
        chunk = {"guild_id": str(guild.id), "members": found, "chunk_index": 0, "chunk_count": 1}
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | {"nonce": data.get("nonce")})
