"""End-to-end encryption (DAVE): our part in a call's MLS group, without I/O.

Messages come in, what has to be answered comes out, and :attr:`EndToEnd.way` says how a frame has to be sent now.

Source: Discord, Voice Connections, "End-to-End Encryption (DAVE Protocol)"; https://daveprotocol.com, version 1. The
cryptography is davey's, a binding of OpenMLS.

**Threads.** MLS steps happen on the event loop, frames are encrypted on the pacing thread, both on one ``DaveSession``.
davey keeps the interpreter lock for the whole of every call, so two of them never overlap; were that to change, its
binding (PyO3) checks each borrow and raises ``RuntimeError`` in the call that came second, which costs that one frame.
So there is no lock of ours in the pacing thread's way. A step holds it up by 1 to 7 ms.

Limits. davey takes new keys for sending as soon as it has processed a commit, not when the transition is executed: a
listener who gets the commit later than we do misses what is sent between. It cannot export a group's state either, so
a successor is added to the group anew.

Judged: frames are not held from the commit to opcode 22. Discord sends that one when the slowest client is ready, or
after some two seconds: held, everybody would hear a gap at each joining and leaving, and one client that hangs would
make it two seconds for all. As it is, nobody misses anything but those whose commit is late, for as long as it is.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, Final, TypeVar

import davey

from timmybot.adapters.discord_voice.frames import Frame, Send, SendBinary
from timmybot.domain.ids import ChannelId, UserId

log = logging.getLogger(__name__)

VERSION: Final = 1
"""The highest version that we announce. 0 is no end-to-end encryption, as in stage channels."""
NEW_GROUP: Final = 1
"""As the epoch of opcode 24: the group is made anew."""
AT_ONCE: Final = 0
"""The transition that nobody has to be ready for: it is executed by being announced."""
_TRANSITION: Final = struct.Struct(">H")
_MOST_PENDING: Final = 64
"""Far more than a call has under way; a server that announces without end must not fill the memory."""
_MOST_REFUSED: Final = 8
_MOST_RECOVERIES: Final = 20
"""Each costs some 10 ms, in which nothing is paced."""
_MOST_OTHERS: Final = 10_000

T = TypeVar("T")


class DaveOp(IntEnum):
    CLIENTS_CONNECT = 11
    CLIENT_DISCONNECT = 13
    PREPARE_TRANSITION = 21
    EXECUTE_TRANSITION = 22
    TRANSITION_READY = 23
    PREPARE_EPOCH = 24
    EXTERNAL_SENDER = 25
    KEY_PACKAGE = 26
    PROPOSALS = 27
    COMMIT_WELCOME = 28
    ANNOUNCE_COMMIT = 29
    WELCOME = 30
    INVALID_COMMIT_WELCOME = 31


class Way(Enum):
    """How a frame is sent."""

    PLAIN = "plain"
    """The call is not encrypted end to end."""
    ENCRYPTED = "encrypted"
    SILENT = "silent"
    """Nobody else is in the call, so there is no group to encrypt for, and nobody to hear: silence is sent instead,
    the one frame that may always go out unencrypted."""
    HELD = "held"
    """The keys are being agreed on: frames wait, so that the listeners miss nothing."""


class Unprocessable(ValueError):
    """A message of the group could not be processed."""


@dataclass
class EndToEnd:
    """Our part in the call of one voice session. It outlives resumes."""

    me: UserId
    channel_id: ChannelId
    version: int = 0
    """The version in force."""
    others: set[int] = field(default_factory=set)
    """Who else is connected to the call."""
    recoveries: int = 0
    """Times that a commit or welcome could not be processed, and we asked to be added anew."""
    _in_a_row: int = 0
    """Of them, those since a group was last agreed on."""
    _session: davey.DaveSession | None = None
    _group_version: int = 0
    """The version that the group is being, or was, made for."""
    _agreed: bool = False
    """Whether a transition to the present group has been executed: its members can decrypt."""
    _pending: dict[int, int] = field(default_factory=dict)
    """Transitions that were announced and not executed, with the version that each brings."""
    _external_sender: bytes | None = None
    _refused: list[bytes] = field(default_factory=list)
    """Proposals that add somebody of whom we have not heard yet."""

    @property
    def way(self) -> Way:
        if self.version == 0:
            return Way.PLAIN
        if self._session is not None and self._session.ready and self._agreed:
            return Way.ENCRYPTED
        return Way.HELD if self.others else Way.SILENT

    @property
    def epoch(self) -> int | None:
        """The group's epoch; ``None`` without one."""
        return self._session.epoch if self._session is not None and self._session.ready else None

    @property
    def encryptor(self) -> Callable[[bytes], bytes]:
        """Encrypts a frame, on the pacing thread, while :attr:`way` is ENCRYPTED.

        It raises ``ValueError`` or ``RuntimeError`` if the keys have gone meanwhile. (davey's own method, without a
        layer of ours: it is called 50 times a second for every player.)
        """
        assert self._session is not None
        return self._session.encrypt_opus

    def described(self, version: int) -> Iterator[Send | SendBinary]:
        """The session begins with this version in force (opcode 4)."""
        self.version = version
        if version:
            yield from self._new_group(version)

    def receive(self, op: int, data: Mapping[str, Any]) -> Iterator[Send | SendBinary]:
        """Take in a JSON message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for one that makes no sense."""
        match op:
            case DaveOp.CLIENTS_CONNECT:
                room = max(_MOST_OTHERS - len(self.others), 0)
                self.others |= {int(user_id) for user_id in data["user_ids"][:room]} - {self.me}
                for refused in self._take_refused():
                    yield from self._propose(refused)
            case DaveOp.CLIENT_DISCONNECT:
                self.others.discard(int(data["user_id"]))
            case DaveOp.PREPARE_TRANSITION:
                yield from self._prepare(int(data["transition_id"]), int(data["protocol_version"]))
            case DaveOp.EXECUTE_TRANSITION:
                self._execute(int(data["transition_id"]))
            case DaveOp.PREPARE_EPOCH:
                if int(data["epoch"]) == NEW_GROUP:
                    yield from self._new_group(int(data["protocol_version"]))

    def receive_binary(self, op: int, payload: bytes) -> Iterator[Send | SendBinary]:
        """Take in a binary message without its sequence number. Raises ``struct.error`` for one that is cut off."""
        match op:
            case DaveOp.EXTERNAL_SENDER:
                self._external_sender = payload
                self._introduce_sender()
            case DaveOp.PROPOSALS:
                yield from self._propose(payload)
            case DaveOp.ANNOUNCE_COMMIT | DaveOp.WELCOME:
                (transition_id,) = _TRANSITION.unpack_from(payload)
                yield from self._step(op, transition_id, payload[_TRANSITION.size :])

    def _new_group(self, version: int) -> Iterator[SendBinary]:
        """Forget the group, and offer to be added to another one."""
        if not 0 < version <= VERSION:
            raise ValueError(f"a group for version {version}")
        self._agreed = False
        self._group_version = version
        self._refused.clear()
        if self._session is None:
            self._session = _guarded(davey.DaveSession, version, self.me, self.channel_id)
            self._introduce_sender()
        else:
            _guarded(self._session.reinit, version, self.me, self.channel_id)  # it keeps the external sender
        yield SendBinary(DaveOp.KEY_PACKAGE, _guarded(self._session.get_serialized_key_package))

    def _introduce_sender(self) -> None:
        if self._session is not None and self._external_sender is not None:
            _guarded(self._session.set_external_sender, self._external_sender)

    def _propose(self, payload: bytes) -> Iterator[SendBinary]:
        if self._session is None or not payload:
            return
        kind = davey.ProposalsOperationType.revoke if payload[0] else davey.ProposalsOperationType.append
        expected = [self.me, *self.others]
        try:
            answer = _guarded(self._session.process_proposals, kind, payload[1:], expected)
        except Unprocessable as error:
            # Should somebody else's commit build on it, we shall not be able to follow, and ask to be added anew.
            log.info("a proposal is not followed: %s", error)
            self._refused = [*self._refused, payload][-_MOST_REFUSED:]
            return
        if answer is not None:
            yield SendBinary(DaveOp.COMMIT_WELCOME, answer.commit + (answer.welcome or b""))

    def _take_refused(self) -> list[bytes]:
        refused, self._refused = self._refused, []
        return refused

    def _step(self, op: int, transition_id: int, message: bytes) -> Iterator[Send | SendBinary]:
        if self._session is None:
            return
        process = self._session.process_welcome if op == DaveOp.WELCOME else self._session.process_commit
        try:
            _guarded(process, message)
        except Unprocessable as error:
            if self._in_a_row >= _MOST_RECOVERIES:
                self._agreed = False  # frames are held meanwhile, and the watchdog makes another voice session
                return
            log.warning("a step of the call's group cannot be followed (%s); asking to be added anew", error)
            self.recoveries += 1
            self._in_a_row += 1
            yield Send(_frame(DaveOp.INVALID_COMMIT_WELCOME, transition_id))
            yield from self._new_group(self._group_version)
        else:
            yield from self._prepare(transition_id, self._group_version)

    def _prepare(self, transition_id: int, version: int) -> Iterator[Send]:
        if not 0 <= version <= VERSION:
            raise ValueError(f"a transition to version {version}")
        if len(self._pending) >= _MOST_PENDING:
            self._pending.clear()
        self._pending[transition_id] = version
        if transition_id == AT_ONCE:
            self._execute(transition_id)
        else:
            yield Send(_frame(DaveOp.TRANSITION_READY, transition_id))

    def _execute(self, transition_id: int) -> None:
        version = self._pending.pop(transition_id, None)
        if version is not None:
            self.version = version
            self._agreed = self._session is not None and self._session.ready
            if self._agreed:
                self._in_a_row = 0


def _guarded(call: Callable[..., T], *arguments: object) -> T:
    """Call davey. Raises :class:`Unprocessable` for whatever it makes of the arguments."""
    try:
        return call(*arguments)
    except Exception as error:
        raise Unprocessable(str(error)) from error
    except BaseException as error:  # a panic in native code is no ``Exception`` to PyO3
        if type(error).__name__ != "PanicException":
            raise
        raise Unprocessable("the library panicked") from error


def _frame(op: DaveOp, transition_id: int) -> Frame:
    return {"op": op, "d": {"transition_id": transition_id}}
