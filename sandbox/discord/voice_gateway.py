"""Discord's voice gateway, version 8, up to the point where audio flows.

Source: https://docs.discord.com/developers/topics/voice-connections and topics/opcodes-and-status-codes (voice).
What clients send of end-to-end encryption (DAVE) goes to their channel's :class:`~sandbox.discord.dave_call.DaveCall`.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from sandbox.discord.connection import Connection
from sandbox.discord.dave_call import COMMIT_WELCOME, INVALID_COMMIT_WELCOME, KEY_PACKAGE, READY_FOR_TRANSITION
from sandbox.discord.gateway_codes import GOING_AWAY, NORMAL
from sandbox.discord.links import Closed, Link, LinkServer
from sandbox.discord.log import VoiceClose, VoiceIdentify
from sandbox.discord.mls_wire import NotMls
from sandbox.discord.voice import CLIENTS_CONNECT, RESUMABLE, Voice
from sandbox.discord.voice_session import VoiceSession

Json = dict[str, Any]

IDENTIFY, SELECT_PROTOCOL, READY, HEARTBEAT, SESSION_DESCRIPTION, SPEAKING = range(6)
HEARTBEAT_ACK, RESUME, HELLO, RESUMED = 6, 7, 8, 9
IGNORED = (12, 15, 16)
"""What clients say about video and versions."""

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED = range(4001, 4006)
SESSION_INVALID, SERVER_NOT_FOUND, UNKNOWN_PROTOCOL, UNKNOWN_MODE = 4006, 4011, 4012, 4016
DAVE_REQUIRED = 4017
VERSION = "8"
HEARTBEAT_GRACE = 1.5


class VoiceGateway(LinkServer[VoiceSession]):
    """The websocket side of the voice server."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(voice.world.clock)
        self._voice = voice

    def close(self) -> None:
        """The server shuts down."""
        self._close_links(GOING_AWAY)

    def _connection(self, _request: web.Request) -> Connection:
        return Connection(look=self._voice.world.look.voice_sends)

    def _patience_seconds(self) -> float:
        return self._voice.heartbeat_interval_seconds * HEARTBEAT_GRACE

    def _greet(self, link: Link[VoiceSession], request: web.Request) -> None:
        if request.query.get("v") != VERSION:
            link.connection.close(SERVER_NOT_FOUND)
        interval_ms = int(self._voice.heartbeat_interval_seconds * 1000)
        link.connection.send({"op": HELLO, "d": {"v": int(VERSION), "heartbeat_interval": interval_ms}})

    def _lost(self, link: Link[VoiceSession]) -> None:
        connection, session = link.connection, link.session
        guild_id = session.grant.guild_id if session else None
        by_client = connection.closing_code is None
        self._voice.log.add(VoiceClose(self._clock.monotonic(), guild_id, connection.close_code, by_client))
        if session is None or session.connection is not connection:
            return
        session.connection = None
        good_bye = by_client and connection.close_code in (NORMAL, GOING_AWAY)
        if good_bye or connection.close_code not in RESUMABLE:
            # Its client is done with it: the session cannot be resumed, but its grant is still good to identify.
            session.identified = False
            self._voice.leave_call(session)
            self._voice.tell_gone(session)

    def _receive(self, link: Link[VoiceSession], message: WSMessage) -> None:
        if link.connection.closing_code is not None:
            return
        if message.type is WSMsgType.BINARY:
            self._receive_binary(link, message.data)
            return
        try:
            payload = json.loads(message.data)
            opcode, data = payload["op"], payload["d"]
            self._take(link, opcode, data)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Closed(DECODE_ERROR) from None
        if opcode not in IGNORED:
            self._voice.world.look.voice_took(opcode, data)

    def _take(self, link: Link[VoiceSession], opcode: int, data: Json) -> None:
        if opcode == IDENTIFY:
            self._identify(link, data)
        elif opcode == RESUME:
            self._resume(link, data)
        elif opcode == HEARTBEAT:
            self._heartbeat(link, data)
        elif link.session is None:
            raise Closed(NOT_AUTHENTICATED)
        elif opcode == SELECT_PROTOCOL:
            self._select_protocol(link.session, data)
        elif opcode == SPEAKING:
            self._speaking(link.session, data)
        elif opcode == READY_FOR_TRANSITION:
            self._voice.call_of(link.session).ready(link.session.user_id, int(data["transition_id"]))
        elif opcode == INVALID_COMMIT_WELCOME:
            self._voice.call_of(link.session).invalid(link.session.user_id, int(data["transition_id"]))
        elif opcode not in IGNORED:
            raise Closed(UNKNOWN_OPCODE)

    def _receive_binary(self, link: Link[VoiceSession], data: bytes) -> None:
        if link.session is None:
            raise Closed(NOT_AUTHENTICATED)
        call, user, opcode = self._voice.call_of(link.session), link.session.user_id, data[:1]
        if opcode == bytes([KEY_PACKAGE]):
            try:
                call.key_package(user, data[1:])
            except NotMls:
                raise Closed(DECODE_ERROR) from None
        elif opcode == bytes([COMMIT_WELCOME]):
            call.commit(user, data[1:])
        else:
            raise Closed(UNKNOWN_OPCODE)

    def _heartbeat(self, link: Link[VoiceSession], data: Json) -> None:
        link.last_heartbeat = self._clock.monotonic()
        int(data["seq_ack"])
        link.connection.send({"op": HEARTBEAT_ACK, "d": {"t": data["t"]}})

    def _identify(self, link: Link[VoiceSession], data: Json) -> None:
        if link.session:
            raise Closed(ALREADY_AUTHENTICATED)
        guild_id, user_id = int(data["server_id"]), int(data["user_id"])
        session = self._voice.session(guild_id, user_id)
        offered = int(data.get("max_dave_protocol_version", 0))
        refused = self._refusal(session, data)
        if refused is None and session and not offered and self._voice.demands_dave(session):
            refused = DAVE_REQUIRED
        self._record(guild_id, user_id, resumed=False, refused=refused)
        assert session
        self._attach(link, session)
        session.identified = True
        session.max_dave_version = offered
        self._voice.leave_call(session)
        session.tell(
            READY,
            {
                "ssrc": session.ssrc,
                "ip": "127.0.0.1",
                "port": self._voice.udp.port,
                "modes": self._voice.modes,
                # Erroneous in the real thing, too: the one that counts is in Hello.
                "heartbeat_interval": 1,
            },
        )
        if others := self._voice.connected_with(session):
            session.tell(CLIENTS_CONNECT, {"user_ids": [str(user_id) for user_id in others]})
        self._voice.tell_connected(session)

    def _resume(self, link: Link[VoiceSession], data: Json) -> None:
        if link.session:
            raise Closed(ALREADY_AUTHENTICATED)
        guild_id = int(data["server_id"])
        found = [s for s in self._voice.sessions if s.grant.token == data["token"] and s.grant.guild_id == guild_id]
        session = found[0] if found else None
        refused = self._refusal(session, data)
        if refused is None and session and not session.identified:
            refused = SESSION_INVALID
        self._record(guild_id, session.grant.user_id if session else 0, resumed=True, refused=refused)
        assert session
        self._attach(link, session)
        link.connection.send({"op": RESUMED, "d": None})
        for message in session.missed_since(int(data.get("seq_ack", -1))):
            link.connection.send(message)

    def _refusal(self, session: VoiceSession | None, data: Json) -> int | None:
        if session is None or session.grant.session_id != data["session_id"]:
            return SESSION_INVALID
        return None if session.grant.token == data["token"] else AUTHENTICATION_FAILED

    def _record(self, guild_id: int, user_id: int, *, resumed: bool, refused: int | None) -> None:
        now = self._clock.monotonic()
        self._voice.log.add(VoiceIdentify(now, guild_id, user_id, resumed, refused))
        if refused:
            raise Closed(refused)

    def _attach(self, link: Link[VoiceSession], session: VoiceSession) -> None:
        if session.connection:
            session.connection.close(SESSION_INVALID)
        link.session, session.connection = session, link.connection

    def _select_protocol(self, session: VoiceSession, data: Json) -> None:
        if data["protocol"] != "udp":
            raise Closed(UNKNOWN_PROTOCOL)
        mode = data["data"]["mode"]
        if mode not in self._voice.modes:
            raise Closed(UNKNOWN_MODE)
        session.address = (str(data["data"]["address"]), int(data["data"]["port"]))
        session.seal_with(mode, self._voice.world.random.randbytes(32))
        self._voice.leave_call(session)
        self._voice.call_of(session).join(session)

    def _speaking(self, session: VoiceSession, data: Json) -> None:
        if int(data["ssrc"]) != session.ssrc:
            raise Closed(DECODE_ERROR)
        session.spoke = True
        session.speaking = int(data["speaking"])
