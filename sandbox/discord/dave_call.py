"""One call's end-to-end encryption: which version it speaks, and the transitions by which that and its keys change.

Source: https://daveprotocol.com (version 1.1.4) and https://docs.discord.com/developers/topics/voice-connections. The
lowest version that all can speak is the call's; 0 is none. A change is announced, everybody says that they are ready
(or :data:`TRANSITION_SECONDS` pass), and then it is executed; senders may use the new keys or version from then on.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.discord.clock import Clock
from sandbox.discord.dave_group import DaveGroup, Refused
from sandbox.discord.log import DaveRefusal, DaveTransition, Log
from sandbox.discord.mls import ExternalSender, KeyPackage, read_key_package
from sandbox.discord.mls_wire import NotMls

Json = dict[str, Any]

PREPARE_TRANSITION, EXECUTE_TRANSITION, READY_FOR_TRANSITION, PREPARE_EPOCH = range(21, 25)
EXTERNAL_SENDER, KEY_PACKAGE, PROPOSALS, COMMIT_WELCOME = range(25, 29)
ANNOUNCE_COMMIT, WELCOME, INVALID_COMMIT_WELCOME = range(29, 32)

DAVE_VERSION = 1
NEW_GROUP = 1
"""As the epoch of opcode 24: forget the group, and send a key package for another one."""
AT_ONCE = 0
"""The transition that needs no readiness: it is executed by being announced."""
TRANSITION_SECONDS = 2.0
"""How long the whitepaper lets a transition wait for the slow ("roughly two seconds")."""


class Participant(Protocol):
    """Somebody connected to the call."""

    @property
    def user_id(self) -> int: ...

    @property
    def max_dave_version(self) -> int:
        """0 for a client that cannot encrypt end to end."""

    def begin(self, version: int) -> None:
        """The call's version at this moment: what opcode 4 tells."""

    def tell(self, opcode: int, data: Json) -> None: ...

    def tell_binary(self, opcode: int, payload: bytes) -> None: ...


@dataclass(eq=False)
class Transition:
    """A change that was announced and not executed yet."""

    version: int
    users: tuple[int, ...]
    waiting: set[int]
    welcomed: frozenset[int] = frozenset()
    """Of the users, those whom it adds to the group."""
    limit: asyncio.Task[None] | None = None


@dataclass(eq=False)
class DaveCall:
    """The call in one channel. Its public methods that take a user are what a client's opcodes lead to."""

    channel_id: int
    sender: ExternalSender
    clock: Clock
    log: Log
    most: int = DAVE_VERSION
    """The highest version allowed: 0 in stage channels, which are never encrypted end to end."""
    version: int = 0
    """The version last announced."""
    participants: dict[int, Participant] = field(default_factory=dict)
    group: DaveGroup = field(init=False)
    transitions: dict[int, Transition] = field(default_factory=dict)
    spoilt: set[int] = field(default_factory=set)
    """A test may name users whose next commit or welcome arrives damaged: they will ask to be added again."""
    _last_transition: int = 0
    _announced: int | None = None
    _know_sender: set[int] = field(default_factory=set)
    _held: dict[int, KeyPackage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.group = self._new_group()

    def join(self, participant: Participant) -> None:
        """Somebody finished connecting. Who cannot encrypt brings the others down to version 0."""
        earlier = list(self.participants)
        self.participants[participant.user_id] = participant
        wanted = self._wanted()
        if not earlier:
            self.version = wanted
        elif wanted < self.version:
            self._downgrade(earlier)
        participant.begin(self.version)
        if self.version:
            self._introduce_sender(participant.user_id)

    def leave(self, user: int) -> None:
        """Somebody's connection ended. Nothing happens for who is not in the call."""
        if self.participants.pop(user, None) is None:
            return
        self._know_sender.discard(user)
        self._held.pop(user, None)
        for transition_id in list(self.transitions):
            self.ready(user, transition_id)
        if not self.participants:
            self._abandon_group()
        elif self._wanted() > self.version:
            self.version = self._wanted()
            self.recreate()
        elif self.version and len(self.participants) == 1 and self.group.is_established:
            self.recreate()
        else:
            self.group.remove(user)

    def recreate(self) -> None:
        """Start over with a new group (opcode 24, epoch 1); who is alone is in it at once (opcode 21, transition 0)."""
        self._abandon_group()
        alone = len(self.participants) == 1
        self._announced = AT_ONCE if alone else self._new_transition_id()
        epoch = {"protocol_version": self.version, "epoch": NEW_GROUP, "transition_id": self._announced}
        for user in self.participants:
            self._tell(user, PREPARE_EPOCH, epoch)
            self._introduce_sender(user)
        if alone:
            self._announced = None
            for user in self.participants:
                self._tell(user, PREPARE_TRANSITION, {"protocol_version": self.version, "transition_id": AT_ONCE})

    def close(self) -> None:
        """Forget what was to happen later."""
        for transition in self.transitions.values():
            if transition.limit:
                transition.limit.cancel()
        self.transitions.clear()

    def key_package(self, user: int, payload: bytes) -> None:
        """Opcode 26. Raises :class:`~sandbox.discord.mls_wire.NotMls` for one that is not valid, or not theirs."""
        package = read_key_package(payload)
        if package.user_id != user:
            raise NotMls("a key package in somebody else's name")
        if not self.version or user not in self.participants:
            return
        if any(user in transition.welcomed & transition.waiting for transition in self.transitions.values()):
            # It was welcomed by an earlier package, and has not said whether it could follow. Added once more at this
            # moment, a client that could not would for ever be offered the package before its last.
            self._held[user] = package
        else:
            self.group.add(package)

    def commit(self, user: int, payload: bytes) -> None:
        """Opcode 28. The first valid one of an epoch is announced; others are dropped, which the log tells."""
        try:
            step = self.group.commit(user, payload)
        except Refused as refused:
            self.log.add(DaveRefusal(self.clock.monotonic(), self.channel_id, user, str(refused)))
            return
        transition_id = self._announced or self._new_transition_id()
        self._announced = None
        users = (*step.stay, *step.welcomes)
        self._expect_readiness(transition_id, Transition(self.version, users, set(users), frozenset(step.welcomes)))
        for member in step.stay:
            self._announce(member, ANNOUNCE_COMMIT, transition_id, step.commit)
        for member, welcome in step.welcomes.items():
            self._announce(member, WELCOME, transition_id, welcome)
        self.group.resume()

    def ready(self, user: int, transition_id: int) -> None:
        """Opcode 23. When nobody is waited for any more, the transition is executed."""
        transition = self.transitions.get(transition_id)
        if transition and user in transition.waiting:
            self._held.pop(user, None)
            transition.waiting.discard(user)
            if not transition.waiting:
                self._execute(transition_id)

    def invalid(self, user: int, transition_id: int) -> None:
        """Opcode 31: the user could not follow, is removed from the group, and added with its next key package."""
        self.group.remove(user)
        self.ready(user, transition_id)
        if self.group.is_established and not self.group.members:
            self.recreate()

    def _downgrade(self, users: list[int]) -> None:
        self.version = 0
        self._abandon_group()
        transition_id = self._new_transition_id()
        self._expect_readiness(transition_id, Transition(0, tuple(users), set(users)))
        for user in users:
            self._tell(user, PREPARE_TRANSITION, {"protocol_version": 0, "transition_id": transition_id})

    def _abandon_group(self) -> None:
        """What was announced for it will not be executed any more: it would undo what comes next."""
        self.close()
        self.group = self._new_group()
        self._announced = None
        self._held.clear()

    def _expect_readiness(self, transition_id: int, transition: Transition) -> None:
        self.transitions[transition_id] = transition
        transition.limit = asyncio.create_task(self._execute_late(transition_id))

    async def _execute_late(self, transition_id: int) -> None:
        await self.clock.sleep(TRANSITION_SECONDS)
        self._execute(transition_id)

    def _execute(self, transition_id: int) -> None:
        transition = self.transitions.pop(transition_id)
        if transition.limit and transition.limit is not asyncio.current_task():
            transition.limit.cancel()
        late = tuple(sorted(transition.waiting))
        now = self.clock.monotonic()
        self.log.add(
            DaveTransition(
                now, self.channel_id, transition_id, transition.version, self.group.epoch, transition.users, late
            )
        )
        for user in transition.users:
            self._tell(user, EXECUTE_TRANSITION, {"transition_id": transition_id})
        for user in late:
            if package := self._held.pop(user, None):
                self.group.add(package)

    def _announce(self, user: int, opcode: int, transition_id: int, message: bytes) -> None:
        if user in self.spoilt:
            self.spoilt.discard(user)
            message = message[:-1] + bytes([message[-1] ^ 0xFF])
        if participant := self.participants.get(user):
            participant.tell_binary(opcode, struct.pack(">H", transition_id) + message)

    def _introduce_sender(self, user: int) -> None:
        if user not in self._know_sender:
            self._know_sender.add(user)
            self.participants[user].tell_binary(EXTERNAL_SENDER, self.sender.package)

    def _propose(self, users: Iterable[int], payload: bytes) -> None:
        for user in users:
            if participant := self.participants.get(user):
                participant.tell_binary(PROPOSALS, payload)

    def _tell(self, user: int, opcode: int, data: Json) -> None:
        if participant := self.participants.get(user):
            participant.tell(opcode, data)

    def _wanted(self) -> int:
        return min([self.most, *(participant.max_dave_version for participant in self.participants.values())])

    def _new_group(self) -> DaveGroup:
        return DaveGroup(self.channel_id, self.sender, self._propose)

    def _new_transition_id(self) -> int:
        self._last_transition = self._last_transition % 0xFFFF + 1
        return self._last_transition
