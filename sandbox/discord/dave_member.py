"""A simulated member's half of end-to-end encryption: a real participant, with davey as its cryptography.

It does what the whitepaper asks of clients (https://daveprotocol.com), and is strict where Discord's own clients are:
a frame that is not encrypted is heard only in a call that is not, or is just becoming or ceasing to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import davey

from sandbox.discord.dave_call import (
    ANNOUNCE_COMMIT,
    AT_ONCE,
    DAVE_VERSION,
    EXECUTE_TRANSITION,
    EXTERNAL_SENDER,
    NEW_GROUP,
    PREPARE_EPOCH,
    PREPARE_TRANSITION,
    PROPOSALS,
    WELCOME,
    DaveCall,
)
from sandbox.discord.rtp import SILENCE, is_protocol_frame

Json = dict[str, Any]


class DaveMember:
    """One member in at most one call at a time. What arrives is handled in the event loop's next round, in order."""

    def __init__(self, user_id: int, max_dave_version: int = DAVE_VERSION) -> None:
        self.user_id = user_id
        self.max_dave_version = max_dave_version
        self.commits = True
        """Switched off, this member leaves it to others to commit, so that theirs win."""
        self.answers = True
        """Switched off, this member's client hangs: it follows nothing and is never ready."""
        self.version = 0
        """What this member takes the call's version to be, by the transitions executed so far."""
        self.opened = 0
        """Frames decrypted, ever."""
        self.undecryptable = 0
        """Encrypted frames for which the key was missing or wrong: not heard."""
        self.refused_plain = 0
        """Frames that were not encrypted though the call is: not heard."""
        self.recoveries = 0
        """Times it could not follow a commit or welcome, and asked to be added anew."""
        self._call: DaveCall | None = None
        self._session: davey.DaveSession | None = None
        self._prepared: dict[int, int] = {}
        self._upgrading = False
        self._changed = asyncio.Event()

    @property
    def epoch(self) -> int | None:
        """The MLS epoch this member is in; ``None`` while it cannot decrypt."""
        return self._session.epoch if self._session and self._session.ready else None

    @property
    def privacy_code(self) -> str | None:
        """The 30 digits that people in a call compare: equal for those who share its keys."""
        return self._session.voice_privacy_code if self._session and self._session.ready else None

    @property
    def keyed_with(self) -> frozenset[int]:
        """Who else is in this member's group: those it hears."""
        users = self._session.get_user_ids() if self._session and self._session.ready else []
        return frozenset(int(user) for user in users) - {self.user_id}

    async def wait_until(self, holds: Callable[[DaveMember], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Wait until something is true of this member, e.g. ``lambda dave: bot in dave.keyed_with``.

        Raises :class:`TimeoutError`.
        """
        async with asyncio.timeout(timeout):
            while not holds(self):
                self._changed.clear()
                await self._changed.wait()

    def enter(self, call: DaveCall) -> None:
        """Connect to a channel's call, leaving the previous one."""
        self.exit()
        self._call = call
        call.join(self)

    def exit(self) -> None:
        """Disconnect."""
        call, self._call, self._session = self._call, None, None
        self._prepared.clear()
        self._upgrading = False
        if call:
            call.leave(self.user_id)

    def open(self, speaker: int, frame: bytes) -> bytes | None:
        """The Opus frame inside what ``speaker`` sent, or ``None`` if this member cannot or may not play it."""
        if frame == SILENCE:
            return frame
        if not is_protocol_frame(frame):
            if self._takes_plain_frames:
                return frame
            self.refused_plain += 1
            return None
        opus = self._decrypt(speaker, frame)
        if opus is None:
            self.undecryptable += 1
        else:
            self.opened += 1
        return opus

    def _decrypt(self, speaker: int, frame: bytes) -> bytes | None:
        try:
            return self._session.decrypt(speaker, davey.MediaType.audio, frame) if self._session else None
        except ValueError:
            return None

    def begin(self, version: int) -> None:
        self._soon(self._begin, version)

    def tell(self, opcode: int, data: Json) -> None:
        self._soon(self._told, opcode, data)

    def tell_binary(self, opcode: int, payload: bytes) -> None:
        self._soon(self._told_binary, opcode, payload)

    @property
    def _takes_plain_frames(self) -> bool:
        return self.version == 0 or self._upgrading or 0 in self._prepared.values()

    def _soon(self, handle: Any, *arguments: object) -> None:
        call = self._call

        def unless_left() -> None:
            if self._call is call and self.answers:
                handle(*arguments)
                self._changed.set()

        asyncio.get_running_loop().call_soon(unless_left)

    def _begin(self, version: int) -> None:
        self.version = version
        if version:
            self._start_session(version)

    def _told(self, opcode: int, data: Json) -> None:
        if opcode == PREPARE_EPOCH and data["epoch"] == NEW_GROUP:
            self._upgrading = self.version == 0
            self._prepared.clear()
            self._start_session(data["protocol_version"])
        elif opcode == PREPARE_TRANSITION:
            self._prepare(data["transition_id"], data["protocol_version"])
        elif opcode == EXECUTE_TRANSITION:
            self._execute(data["transition_id"])

    def _told_binary(self, opcode: int, payload: bytes) -> None:
        assert self._session
        if opcode == EXTERNAL_SENDER:
            self._session.set_external_sender(payload)
        elif opcode == PROPOSALS:
            self._process_proposals(payload)
        elif opcode in (ANNOUNCE_COMMIT, WELCOME):
            self._step(opcode, int.from_bytes(payload[:2]), payload[2:])

    def _start_session(self, version: int) -> None:
        assert self._call
        if self._session:
            self._session.reinit(version, self.user_id, self._call.channel_id)
        else:
            self._session = davey.DaveSession(version, self.user_id, self._call.channel_id)
        self._call.key_package(self.user_id, self._session.get_serialized_key_package())

    def _process_proposals(self, payload: bytes) -> None:
        assert self._call
        assert self._session
        kind = davey.ProposalsOperationType.revoke if payload[0] else davey.ProposalsOperationType.append
        try:
            answer = self._session.process_proposals(kind, payload[1:], list(self._call.participants))
        except ValueError:
            # Sent before the server knew that this member could not follow: they are for a group that it has left.
            return
        if answer and self.commits:
            self._call.commit(self.user_id, answer.commit + (answer.welcome or b""))

    def _step(self, opcode: int, transition_id: int, message: bytes) -> None:
        assert self._call
        assert self._session
        try:
            if opcode == WELCOME:
                self._session.process_welcome(message)
            else:
                self._session.process_commit(message)
        except ValueError:
            self.recoveries += 1
            self._call.invalid(self.user_id, transition_id)
            self._start_session(self._session.protocol_version)
        else:
            self._prepare(transition_id, self._session.protocol_version)

    def _prepare(self, transition_id: int, version: int) -> None:
        assert self._call
        self._prepared[transition_id] = version
        if transition_id == AT_ONCE:
            self._execute(transition_id)
        else:
            self._call.ready(self.user_id, transition_id)

    def _execute(self, transition_id: int) -> None:
        version = self._prepared.pop(transition_id, None)
        if version is not None:
            self.version = version
            self._upgrading = False
