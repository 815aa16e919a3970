"""The voice server's view of an MLS group, held against davey's own: epochs, leaves, and who can read whom."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable

import davey
import pytest

from sandbox.discord.dave_group import DaveGroup, Refused
from sandbox.discord.mls import ExternalSender, read_commit, read_key_package, read_welcome
from sandbox.discord.mls_wire import NotMls, Reader, vector

CHANNEL = 1_090_123_456_789_012_345
FRAME = b"\xfc" + bytes(60)


class Room:
    """Clients and the group, with messages delivered in the order they were sent, or held back."""

    def __init__(self) -> None:
        self.sender = ExternalSender()
        self.group = DaveGroup(CHANNEL, self.sender, self._send)
        self.clients: dict[int, davey.DaveSession] = {}
        self.refusals: list[str] = []
        self._due: deque[tuple[int, str, bytes]] = deque()

    def come(self, user: int) -> None:
        client = davey.DaveSession(1, user, CHANNEL)
        client.set_external_sender(self.sender.package)
        self.clients[user] = client
        self.offer(user)

    def offer(self, user: int) -> None:
        self.group.add(read_key_package(self.clients[user].get_serialized_key_package()))

    def go(self, user: int) -> None:
        del self.clients[user]
        self.group.remove(user)

    def settle(self) -> None:
        while self._due:
            user, kind, data = self._due.popleft()
            client = self.clients.get(user)
            if client and kind == "proposals":
                self._commit(user, client, data)
            elif client and kind == "commit":
                client.process_commit(data)
            elif client:
                client.process_welcome(data)

    def _send(self, users: Iterable[int], payload: bytes) -> None:
        self._due.extend((user, "proposals", payload) for user in users)

    def _commit(self, user: int, client: davey.DaveSession, payload: bytes) -> None:
        kind = davey.ProposalsOperationType.revoke if payload[0] else davey.ProposalsOperationType.append
        answer = client.process_proposals(kind, payload[1:])
        if answer is None:
            return
        try:
            step = self.group.commit(user, answer.commit + (answer.welcome or b""))
        except Refused as refused:
            self.refusals.append(str(refused))
            return
        self._due.extend((member, "commit", step.commit) for member in step.stay)
        self._due.extend((member, "welcome", welcome) for member, welcome in step.welcomes.items())
        self.group.resume()


@pytest.mark.parametrize("seed", range(3))
def test_whoever_comes_and_goes_server_and_clients_agree_on_leaves_and_keys(seed: int) -> None:
    dice, room = random.Random(seed), Room()
    newest = 2
    room.come(1)
    room.come(2)
    room.settle()
    for _ in range(7):
        for _ in range(dice.randint(1, 3)):
            if len(room.clients) > 3 and dice.random() < 0.5:
                room.go(dice.choice(sorted(room.clients)))
            else:
                newest += 1
                room.come(newest)
        room.settle()
        assert sorted(room.group.leaves.values()) == sorted(room.clients)
        for leaf, user in room.group.leaves.items():
            client = room.clients[user]
            assert (client.own_leaf_index, client.epoch) == (leaf, room.group.epoch)
        speaker = dice.choice(sorted(room.clients))
        sealed = room.clients[speaker].encrypt_opus(FRAME)
        for user, client in room.clients.items():
            assert user == speaker or client.decrypt(speaker, davey.MediaType.audio, sealed) == FRAME


def test_a_new_key_package_replaces_the_one_before() -> None:
    room = Room()
    room.come(1)
    room.come(2)
    for epoch_before in (0, 1):
        assert room.group.epoch == epoch_before
        room.clients[2].reinit(1, 2, CHANNEL)
        room.offer(2)
        room.settle()
    assert room.clients[2].ready
    assert sorted(room.group.members) == [1, 2]


def test_a_commit_must_include_all_proposals_and_come_from_a_member() -> None:
    room = Room()
    room.come(1)
    room.come(2)
    room.come(3)
    room.settle()
    assert "a commit that does not include exactly the proposals under way" in room.refusals
    stranger = Room()
    stranger.come(8)
    stranger.come(9)
    proposal = stranger.group.proposals[1].message
    answer = stranger.clients[8].process_proposals(davey.ProposalsOperationType.append, vector(proposal))
    assert answer
    with pytest.raises(Refused, match="epoch 0 in epoch 1"):
        room.group.commit(1, answer.commit)
    with pytest.raises(Refused, match="not in the group"):
        stranger.group.commit(7, answer.commit)
    with pytest.raises(Refused, match="cut off"):
        stranger.group.commit(8, answer.commit)
    assert stranger.group.epoch == 0


def test_messages_cut_off_anywhere_are_refused_and_not_misread() -> None:
    room = Room()
    room.come(1)
    room.come(2)
    package = room.clients[1].get_serialized_key_package()
    proposal = room.group.proposals[1].message
    answer = room.clients[1].process_proposals(davey.ProposalsOperationType.append, vector(proposal))
    assert answer
    assert answer.welcome
    for read, message in ((read_key_package, package), (read_commit, answer.commit), (read_welcome, answer.welcome)):
        for length in range(len(message)):
            with pytest.raises(NotMls):
                read(message[:length])


@pytest.mark.parametrize("length", [0, 63, 64, 16_383, 16_384])
def test_a_vector_is_read_as_it_was_written(length: int) -> None:
    reader = Reader(vector(bytes(length)) + b"rest")
    assert reader.vector() == bytes(length)
    assert reader.rest() == b"rest"
