"""The gateway's session protocol, without I/O: frames come in, and what is to be done about them comes out.

One :class:`Session` outlives its connections: it knows what a RESUME needs, so that a new connection, or another
process, can go on where the last one broke off.

Source: Discord, Gateway, "Connection Lifecycle".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from timmybot.domain.ids import ShardId, UserId
from timmybot.domain.lease import GatewaySession

INTENTS: Final = (1 << 0) | (1 << 7)
"""GUILDS and GUILD_VOICE_STATES. Neither is privileged. Source: Discord, Gateway, "List of Intents"."""

Frame = dict[str, Any]


class Op(IntEnum):
    """Source: Discord, Opcodes and Status Codes, "Gateway Opcodes"."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


@dataclass(frozen=True)
class Send:
    """Send this frame. It may hold the token: never log it."""

    frame: Frame = field(repr=False)
    heartbeat: bool = False


@dataclass(frozen=True)
class StartBeating:
    """Send a heartbeat every so often, the first after a random part of that."""

    interval_seconds: float


@dataclass(frozen=True)
class AskToIdentify:
    """There is nothing to resume: send :meth:`Session.identify` as soon as the identify budget allows."""


@dataclass(frozen=True)
class Up:
    """The session is ready. ``resumed`` if it is the one we had, with everything missed replayed."""

    resumed: bool


@dataclass(frozen=True)
class Dispatched:
    """An event, READY and RESUMED included."""

    name: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Abandon:
    """Close this connection (resumably) and connect again, ``pause`` if Discord asked for a moment between."""

    pause: bool = False


@dataclass(frozen=True)
class Acknowledged:
    """Discord has taken in the last heartbeat, and whatever was sent before it."""


Outcome = Send | StartBeating | AskToIdentify | Up | Dispatched | Abandon | Acknowledged


class Session:
    """A shard's session. ``resume`` is one that a predecessor left."""

    def __init__(self, token: str, shard_id: ShardId, shard_count: int, resume: GatewaySession | None = None) -> None:
        self._token = token
        self._shard = [shard_id, shard_count]
        self._resume = resume
        self._unanswered_beat = False
        self.user_id: UserId | None = None
        """The bot's own id, known from READY. A resumed session does not say it again."""

    @property
    def resumable(self) -> GatewaySession | None:
        return self._resume

    def forget(self) -> None:
        """The session is gone: identify next time."""
        self._resume = None

    def connected(self) -> None:
        """A new connection was made; what the last one still owed is void."""
        self._unanswered_beat = False

    def identify(self) -> Send:
        """The frame that starts a new session. The identify budget must have been asked first."""
        properties = {"os": sys.platform, "browser": "timmybot", "device": "timmybot"}
        return Send(
            {
                "op": Op.IDENTIFY,
                "d": {"token": self._token, "intents": INTENTS, "shard": self._shard, "properties": properties},
            }
        )

    def beat(self) -> Send | Abandon:
        """The next heartbeat; or, if the last one was never answered, leave: the connection is a zombie."""
        if self._unanswered_beat:
            return Abandon()
        self._unanswered_beat = True
        return self._heartbeat()

    def extra_beat(self) -> Send:
        """A heartbeat out of turn, to see whether the connection carries. The zombie check does not count it."""
        return self._heartbeat()

    def receive(self, text: str | bytes) -> Iterator[Outcome]:
        """Take in one frame. Take every outcome, in order. A frame that makes no sense abandons the connection."""
        try:
            frame = json.loads(text)
            op, data = frame["op"], frame.get("d")
            sequence = frame.get("s")
            if isinstance(sequence, int) and self._resume is not None:
                self._resume = GatewaySession(self._resume.session_id, self._resume.resume_url, sequence)
            outcomes = list(self._outcomes(op, data, frame))
        except (ValueError, KeyError, TypeError, AttributeError):
            outcomes = [Abandon()]
        yield from outcomes

    def _outcomes(self, op: int, data: Any, frame: Frame) -> Iterator[Outcome]:
        match op:
            case Op.DISPATCH:
                yield from self._dispatched(str(frame["t"]), data or {}, frame["s"])
            case Op.HELLO:
                yield StartBeating(data["heartbeat_interval"] / 1000)
                yield self._resume_frame(self._resume) if self._resume else AskToIdentify()
            case Op.HEARTBEAT:
                yield self._heartbeat()
            case Op.HEARTBEAT_ACK:
                self._unanswered_beat = False
                yield Acknowledged()
            case Op.RECONNECT:
                yield Abandon()
            case Op.INVALID_SESSION:
                if data is not True:
                    self.forget()
                yield Abandon(pause=True)

    def _dispatched(self, name: str, data: Mapping[str, Any], sequence: int) -> Iterator[Outcome]:
        if name == "READY":
            self._resume = GatewaySession(str(data["session_id"]), str(data["resume_gateway_url"]), sequence)
            self.user_id = UserId(int(data["user"]["id"]))
        yield Dispatched(name, data)
        if name in ("READY", "RESUMED"):
            yield Up(resumed=name == "RESUMED")

    def _resume_frame(self, session: GatewaySession) -> Send:
        return Send(
            {
                "op": Op.RESUME,
                "d": {"token": self._token, "session_id": session.session_id, "seq": session.sequence},
            }
        )

    def _heartbeat(self) -> Send:
        return Send({"op": Op.HEARTBEAT, "d": self._resume.sequence if self._resume else None}, heartbeat=True)
