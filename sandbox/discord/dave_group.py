"""The MLS group of a call as the voice server sees it: who has which leaf, and which proposals are under way.

Rules, with source https://daveprotocol.com ("Proposal Handling", "Initial Group Creation", "Commit Ordering"):
while there is no group, every pending member may create it, so each is offered all the others; the first valid commit
of an epoch wins; a commit must include every proposal under way, and a welcome everybody whom it adds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.discord.mls import Commit, ExternalSender, KeyPackage, Proposal, read_commit, read_welcome
from sandbox.discord.mls_wire import NotMls, vector

APPEND, REVOKE = b"\x00", b"\x01"


class SendProposals(Protocol):
    def __call__(self, users: Iterable[int], payload: bytes) -> None:
        """Send opcode 27 to these users."""


class Refused(Exception):
    """A commit that the voice server does not broadcast; the text says why."""


@dataclass(frozen=True)
class Step:
    """The group went to its next epoch."""

    commit: bytes
    stay: tuple[int, ...]
    """Users who were in the group and still are: they get the commit."""
    welcomes: dict[int, bytes]
    """New members, and what each gets."""


@dataclass(eq=False)
class DaveGroup:
    """One group, from its creation on: :attr:`epoch` is 0 until somebody's commit has established it."""

    channel_id: int
    sender: ExternalSender
    send: SendProposals
    epoch: int = 0
    leaves: dict[int, int] = field(default_factory=dict)
    """User by leaf index."""
    lost: set[int] = field(default_factory=set)
    """Users who have a leaf, but left or lost their state: they are being removed and commit nothing."""
    proposals: list[Proposal] = field(default_factory=list)
    """Those under way in this epoch."""
    _signature_keys: dict[int, bytes] = field(default_factory=dict)
    _later: dict[int, KeyPackage | None] = field(default_factory=dict)
    """Users whose removal waits, and the package to add them by again, if there is one."""

    @property
    def group_id(self) -> bytes:
        return struct.pack(">Q", self.channel_id)

    @property
    def is_established(self) -> bool:
        return self.epoch > 0

    @property
    def members(self) -> list[int]:
        """Users who can commit and decrypt in this epoch."""
        return [user for user in self.leaves.values() if user not in self.lost]

    @property
    def pending(self) -> list[int]:
        """Users with a key package who wait to be added."""
        return [proposal.user_id for proposal in self.proposals if proposal.key_package]

    def add(self, package: KeyPackage) -> None:
        """A key package came: propose to add its user, who may have had another one before."""
        user = package.user_id
        self.remove(user)
        if user in self._later:
            self._later[user] = package
            return
        under_way = list(self.proposals)
        proposal = self.sender.propose_add(self.group_id, self.epoch, package)
        self.proposals.append(proposal)
        self._append(self._hearers(beside=user), [proposal])
        if not self.is_established and under_way:
            self._append([user], under_way)

    def remove(self, user: int) -> None:
        """The user left, or can no longer follow the group: take back or undo their being added.

        A removal waits for additions under way, as the whitepaper allows: a davey client that hears of it last makes a
        commit without the welcome that these need.
        """
        self._take_back(user)
        if user in self._later:
            self._later[user] = None
        elif user in self.leaves.values() and user not in self.lost:
            self.lost.add(user)
            self._later[user] = None
            self.resume()

    def resume(self) -> None:
        """Propose what has waited, unless it still has to. To be called once a :class:`Step` was announced."""
        if self.pending:
            return
        later, self._later = self._later, {}
        for user in later:
            leaf = next(leaf for leaf, holder in self.leaves.items() if holder == user)
            proposal = self.sender.propose_remove(self.group_id, self.epoch, user, leaf)
            self.proposals.append(proposal)
            self._append(self._hearers(beside=user), [proposal])
        for package in later.values():
            if package:
                self.add(package)

    def _take_back(self, user: int) -> None:
        """Revoke an addition under way, and with it all else that is: proposed anew, it makes earlier commits invalid.

        Otherwise a commit from before the addition would become valid again, though its sender has made others since:
        davey, told of its own commit, takes the last one that it made.
        """
        if user not in self.pending:
            return
        hearers = self._hearers(beside=user)
        kept: list[Proposal] = []
        for proposal in self.proposals:
            knowing = [hearer for hearer in hearers if self.is_established or hearer != proposal.user_id]
            self.send(knowing, REVOKE + vector(vector(proposal.reference)))
            if not knowing:
                kept.append(proposal)
        under_way = [proposal for proposal in self.proposals if proposal.user_id != user and proposal not in kept]
        self.proposals = [proposal for proposal in kept if proposal.user_id != user]
        for proposal in sorted(under_way, key=lambda proposal: proposal.key_package is not None):
            again = self._anew(proposal)
            self.proposals.append(again)
            self._append([hearer for hearer in hearers if self.is_established or hearer != again.user_id], [again])
        self.resume()

    def _anew(self, proposal: Proposal) -> Proposal:
        """The same, signed once more: signatures differ each time, and with them the references."""
        if proposal.key_package:
            return self.sender.propose_add(self.group_id, self.epoch, proposal.key_package)
        assert proposal.leaf is not None
        return self.sender.propose_remove(self.group_id, self.epoch, proposal.user_id, proposal.leaf)

    def commit(self, user: int, payload: bytes) -> Step:
        """Take a commit (and welcome) if it is valid. Raises :class:`Refused`, and then nothing has changed."""
        try:
            commit, behind = read_commit(payload)
            included = self._check(user, commit)
            added = [proposal.key_package for proposal in included if proposal.key_package]
            welcomes = self._check_welcome(behind, added)
        except NotMls as error:
            raise Refused(str(error)) from error
        stay = tuple(self.members) if self.is_established else (user,)
        self._apply(user, included)
        return Step(commit.encoded, stay, welcomes)

    def _check(self, user: int, commit: Commit) -> list[Proposal]:
        """The proposals of a valid commit, in its order."""
        if (commit.group_id, commit.epoch) != (self.group_id, self.epoch):
            raise Refused(f"a commit for epoch {commit.epoch} in epoch {self.epoch}")
        holder = self.leaves.get(commit.leaf) if self.is_established else user
        if holder != user or user in self.lost or (not self.is_established and user not in self.pending):
            raise Refused("a commit by somebody who is not in the group")
        due = {p.reference: p for p in self.proposals if self.is_established or p.user_id != user}
        if not due or len(commit.proposals) != len(due) or set(commit.proposals) != set(due):
            raise Refused("a commit that does not include exactly the proposals under way")
        if commit.new_signature_key not in (None, self._signature_key_of(user)):
            raise Refused("a commit that changes its sender's signature key")
        return [due[reference] for reference in commit.proposals]

    @staticmethod
    def _check_welcome(data: bytes, added: list[KeyPackage]) -> dict[int, bytes]:
        if not added:
            if data:
                raise Refused("a welcome for nobody")
            return {}
        welcome = read_welcome(data)
        if set(welcome.secrets) != {package.reference for package in added}:
            raise Refused("a welcome that is not for exactly those who are added")
        return {package.user_id: welcome.only_for(package) for package in added}

    def _apply(self, committer: int, included: list[Proposal]) -> None:
        """Give leaves away as every member does (RFC 9420, 12.4.2): removals first, then each addition leftmost."""
        if not self.is_established:
            self._signature_keys[committer] = self._signature_key_of(committer)
            self.leaves = {0: committer}
        for proposal in included:
            if proposal.leaf is not None:
                del self.leaves[proposal.leaf]
                self.lost.discard(proposal.user_id)
        for proposal in included:
            if proposal.key_package:
                leaf = next(index for index in range(len(self.leaves) + 1) if index not in self.leaves)
                self.leaves[leaf] = proposal.user_id
                self._signature_keys[proposal.user_id] = proposal.key_package.signature_key
        self.proposals.clear()
        self.epoch += 1

    def _signature_key_of(self, user: int) -> bytes:
        if user in self._signature_keys:
            return self._signature_keys[user]
        return next(p.key_package.signature_key for p in self.proposals if p.user_id == user and p.key_package)

    def _hearers(self, *, beside: int) -> list[int]:
        users = self.members if self.is_established else self.pending
        return [user for user in users if user != beside]

    def _append(self, users: Iterable[int], proposals: Iterable[Proposal]) -> None:
        self.send(users, APPEND + vector(b"".join(proposal.message for proposal in proposals)))
