"""The voice gateway's protocol, without I/O: frames come in, and what is to be done about them comes out.

Source: Discord, Voice Connections; Opcodes and Status Codes, "Voice Opcodes".
"""

from __future__ import annotations

import ipaddress
import json
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from timmybot.adapters.discord_voice import dave
from timmybot.adapters.discord_voice.frames import Send, SendBinary
from timmybot.ports.voice_signalling import VoiceServer

_MICROPHONE: Final = 1 << 0
"""Source: Discord, Voice Connections, "Speaking"."""
_SEQUENCE_BYTES: Final = 2
_BINARY_HEADER_BYTES: Final = _SEQUENCE_BYTES + 1
_KEY_BYTES: Final = 32
_LONGEST_BEAT_SECONDS: Final = 300.0
_SHORTEST_BEAT_SECONDS: Final = 0.05
"""Discord says 13.75 s. A server that names nonsense must neither busy us nor let us fall asleep."""
_UINT32: Final = 1 << 32
_UINT16: Final = 1 << 16

NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What :meth:`Session.receive` raises for a message that makes no sense."""


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


Outcome = StartBeating | Discover | Described | Resumed | Send | SendBinary


class Session:
    """A voice session, over however many websockets it takes."""

    def __init__(self, server: VoiceServer) -> None:
        self._server = server
        self._resuming = False
        self._sequence = -1
        """The last numbered message that came, acknowledged by heartbeats and resumes. -1: none has come."""
        self._unanswered_beat = False
        self._ssrc = 0
        self._described: Described | None = None
        self.end_to_end = dave.EndToEnd(server.user_id, server.channel_id)

    def connected(self, *, resuming: bool) -> Send:
        """A websocket was opened. Returns the frame to greet with."""
        self._resuming = resuming
        if not resuming:
            self._described = None
        self._unanswered_beat = False
        server = self._server
        common = {"server_id": str(server.guild_id), "session_id": server.session_id, "token": server.token}
        if resuming:
            return Send({"op": Op.RESUME, "d": {**common, "seq_ack": self._sequence}})
        identity = {"user_id": str(server.user_id), "max_dave_protocol_version": dave.VERSION}
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
        """Take in one message. Raises one of :data:`NONSENSE` for one that makes no sense."""
        if isinstance(message, bytes):
            yield from self._receive_binary(message)
            return
        frame = json.loads(message)
        if isinstance(frame.get("seq"), int):
            self._sequence = frame["seq"]
        data = frame.get("d")
        match frame["op"]:
            case Op.HELLO:
                yield StartBeating(_interval(data["heartbeat_interval"]))
            case Op.READY:
                self._ssrc = _below(_UINT32, data["ssrc"])
                ip = str(ipaddress.ip_address(data["ip"]))  # a name would be looked up, and that blocks
                modes = tuple(str(mode) for mode in data["modes"])
                yield Discover(ip, _below(_UINT16, data["port"]), self._ssrc, modes)
            case Op.SESSION_DESCRIPTION:
                described = Described(str(data["mode"]), _key(data["secret_key"]))
                if described == self._described:  # said twice; the call's group goes on, too
                    return
                self._described = described
                yield described
                yield from self.end_to_end.described(int(data.get("dave_protocol_version") or 0))
            case Op.HEARTBEAT_ACK:
                self._unanswered_beat = False
            case Op.RESUMED:
                yield Resumed()
            case op:
                yield from self.end_to_end.receive(op, data)

    def _receive_binary(self, message: bytes) -> Iterator[Outcome]:
        """Binary messages are all of DAVE's; they are numbered like the others, so they are acknowledged."""
        if len(message) < _BINARY_HEADER_BYTES:
            raise ValueError("a binary message without an opcode")
        self._sequence = int.from_bytes(message[:_SEQUENCE_BYTES], "big")
        yield from self.end_to_end.receive_binary(message[_SEQUENCE_BYTES], message[_BINARY_HEADER_BYTES:])


def _interval(milliseconds: object) -> float:
    seconds = float(milliseconds) / 1000 if isinstance(milliseconds, int | float) else math.nan
    if not _SHORTEST_BEAT_SECONDS <= seconds <= _LONGEST_BEAT_SECONDS:
        raise ValueError("a heartbeat interval that makes no sense")
    return seconds


def _below(limit: int, number: object) -> int:
    if not isinstance(number, int) or not 0 <= number < limit:
        raise ValueError("a number out of its range")
    return number


def _key(numbers: Sequence[int]) -> bytes:
    key = bytes(list(numbers))
    if len(key) != _KEY_BYTES:
        raise ValueError("a secret key of another length")
    return key
