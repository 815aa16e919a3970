"""The voice gateway's protocol, without I/O: frames come in, and what is to be done about them comes out.

Source: Discord, Voice Connections; Opcodes and Status Codes, "Voice Opcodes".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from timmybot.ports.voice_signalling import VoiceServer

Frame = dict[str, Any]

DAVE_VERSION: Final = 0
"""The highest version of end-to-end encryption that we announce: none yet."""

_MICROPHONE: Final = 1 << 0
"""Source: Discord, Voice Connections, "Speaking"."""
_SEQUENCE_BYTES: Final = 2
_KEY_BYTES: Final = 32


class Op(IntEnum):
    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9


@dataclass(frozen=True)
class Send:
    """Send this frame. It may hold the voice token: never log it."""

    frame: Frame = field(repr=False)


@dataclass(frozen=True)
class StartBeating:
    interval_seconds: float


@dataclass(frozen=True)
class Discover:
    """Find our own address from the voice server's UDP port, then send :meth:`Session.select_protocol`."""

    ip: str
    port: int
    ssrc: int
    modes: Sequence[str]


@dataclass(frozen=True)
class Described:
    """The session is ready for sound."""

    mode: str
    secret_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Resumed:
    """The session goes on as it was."""


@dataclass(frozen=True)
class Zombie:
    """A heartbeat was never answered: the connection is dead though nobody has closed it."""


Outcome = StartBeating | Discover | Described | Resumed


class Session:
    """A voice session, over however many websockets it takes."""

    def __init__(self, server: VoiceServer) -> None:
        self._server = server
        self._resuming = False
        self._sequence = -1
        """The last numbered message that came, acknowledged by heartbeats and resumes. -1: none has come."""
        self._unanswered_beat = False
        self._ssrc = 0

    def connected(self, *, resuming: bool) -> Send:
        """A websocket was opened. Returns the frame to greet with."""
        self._resuming = resuming
        self._unanswered_beat = False
        server = self._server
        common = {"server_id": str(server.guild_id), "session_id": server.session_id, "token": server.token}
        if resuming:
            return Send({"op": Op.RESUME, "d": {**common, "seq_ack": self._sequence}})
        identity = {"user_id": str(server.user_id), "max_dave_protocol_version": DAVE_VERSION}
        return Send({"op": Op.IDENTIFY, "d": {**common, **identity}})

    def select_protocol(self, address: str, port: int, mode: str) -> Send:
        data = {"address": address, "port": port, "mode": mode}
        return Send({"op": Op.SELECT_PROTOCOL, "d": {"protocol": "udp", "data": data}})

    def speaking(self) -> Send:
        """Must be sent before the first sound, else Discord closes the connection for an unknown SSRC."""
        return Send({"op": Op.SPEAKING, "d": {"speaking": _MICROPHONE, "delay": 0, "ssrc": self._ssrc}})

    def beat(self, nonce: int) -> Send | Zombie:
        """The next heartbeat, unless the last one was never answered."""
        if self._unanswered_beat:
            return Zombie()
        self._unanswered_beat = True
        return Send({"op": Op.HEARTBEAT, "d": {"t": nonce, "seq_ack": self._sequence}})

    def receive(self, message: str | bytes) -> Iterator[Outcome]:
        """Take in one message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for one that makes no sense."""
        if isinstance(message, bytes):
            # Binary messages are all of DAVE's; they are numbered like the others, so they are acknowledged.
            self._sequence = int.from_bytes(message[:_SEQUENCE_BYTES], "big")
            return
        frame = json.loads(message)
        if isinstance(frame.get("seq"), int):
            self._sequence = frame["seq"]
        data = frame.get("d")
        match frame["op"]:
            case Op.HELLO:
                yield StartBeating(data["heartbeat_interval"] / 1000)
            case Op.READY:
                self._ssrc = int(data["ssrc"])
                yield Discover(str(data["ip"]), int(data["port"]), self._ssrc, tuple(data["modes"]))
            case Op.SESSION_DESCRIPTION:
                yield Described(str(data["mode"]), _key(data["secret_key"]))
            case Op.HEARTBEAT_ACK:
                self._unanswered_beat = False
            case Op.RESUMED:
                yield Resumed()


def _key(numbers: Sequence[int]) -> bytes:
    key = bytes(list(numbers))
    if len(key) != _KEY_BYTES:
        raise ValueError("a secret key of another length")
    return key
