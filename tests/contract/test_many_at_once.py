"""Fifty members at once on one guild, and fifty guilds at once, on the stores that are shipped.

Every acknowledged command is there, and the order in which they took effect, which the versions tell, explains what is
left: a legal interleaving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

import pytest

from tests.contract.guild import Members
from tests.contract.members import GUILD
from tests.contract.stored import AnyStores, Kept
from timmybot.domain.change import Change
from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId
from timmybot.ports.guild_store import GuildStore, StoreUnavailable, VersionConflict

MEMBERS = 50


@pytest.fixture(params=["in_sqlite", "in_dynamodb"])
def stores(request: pytest.FixtureRequest) -> AnyStores:
    kept: Kept = request.getfixturevalue(request.param)
    return kept.stores


@dataclass
class History:
    """What was committed on one guild, by whom, with the version that it got."""

    committed: list[tuple[int, str, Change]] = field(default_factory=list)

    def explained(self, before: Sequence[str] = (), version: int = 0) -> tuple[str | None, list[str]]:
        """What plays and what waits if the commands happened one after the other, in the order of their versions.

        ``before`` is what played and waited at ``version``, when they began.
        """
        playing, waiting = next(iter(before), None), list(before[1:])
        versions = sorted(version for version, _, _ in self.committed)
        assert versions == list(range(version + 1, version + 1 + len(versions))), "a version each, and none is missing"
        for _, command, change in sorted(self.committed, key=lambda each: each[0]):
            verb, _, name = command.partition(" ")
            if verb == "play" and playing is None:
                playing = name
            elif verb == "play":
                waiting.append(name)
            elif verb == "next":
                waiting.insert(0, name)
            elif verb == "skip":
                playing = waiting.pop(0) if waiting else None
            elif verb == "remove":
                assert change.undo
                assert change.undo.removed
                waiting.remove(change.undo.removed.track.url.rpartition("/")[2])
        return playing, waiting


class Recording:
    """A guild's store that writes down which command each commit belongs to."""

    def __init__(self, store: GuildStore, command: str, history: History) -> None:
        self._store = store
        self._command = command
        self._history = history

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        state = await self._store.commit(change, epoch=epoch)
        self._history.committed.append((state.version, self._command, change))
        return state


class Unconditional(Recording):
    """A store without the version condition: whatever was written meanwhile is written over."""

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        while True:
            present = await self._store.state()
            try:
                over = replace(change, state=replace(change.state, version=present.version))
                return await super().commit(over, epoch=epoch)
            except VersionConflict:
                continue


async def carried_out(members: Members, command: str, history: History, kind: type[Recording]) -> str | None:
    """Give one command until it is acknowledged, always as the same interaction; ``None`` if it was refused."""
    verb, _, name = command.partition(" ")
    interaction = crc32(command.encode())
    members.store = kind(members.store, command, history)  # type: ignore[assignment]  # all that a command calls
    while True:
        try:
            match verb:
                case "play" | "next":
                    await members.play(name, next_up=verb == "next", interaction=interaction)
                case "skip":
                    await members.player(interaction).skip()
                case "remove":
                    await members.queue(interaction).remove(3)
        except StoreUnavailable:
            continue
        except CommandRefused:
            return None
        return command


async def all_at_once(
    stores: AnyStores, guild_id: GuildId, commands: list[str], kind: type[Recording] = Recording
) -> tuple[list[str], History]:
    history = History()
    answers = await asyncio.gather(
        *(carried_out(Members(stores.guilds, guild_id), command, history, kind) for command in commands)
    )
    return [answer for answer in answers if answer], history


async def test_fifty_members_command_one_guild_at_once(stores: AnyStores) -> None:
    members = Members(stores.guilds)
    before = [f"before{number}" for number in range(10)]
    await members.play_all(before)
    commands = [f"play p{number}" for number in range(MEMBERS - 15)]
    commands += [f"next n{number}" for number in range(5)]
    commands += [f"skip {number}" for number in range(5)] + [f"remove {number}" for number in range(5)]
    acknowledged, history = await asyncio.wait_for(all_at_once(stores, GUILD, commands), 120)
    assert sorted(command for _, command, _ in history.committed) == sorted(acknowledged)
    assert {command for command in commands if command.startswith(("play", "next"))} <= set(acknowledged)

    playing, waiting = history.explained(before, version=1)
    assert (await members.heard(), await members.waiting()) == (playing, waiting)
    assert (await members.store.state()).waiting == len(waiting)


async def test_fifty_guilds_are_commanded_at_once_and_each_is_explained_by_its_own_commands(stores: AnyStores) -> None:
    guilds = [GuildId(GUILD + number) for number in range(MEMBERS)]
    commands = {guild: [f"play {guild}a", f"play {guild}b", f"play {guild}c"] for guild in guilds}
    results = await asyncio.wait_for(
        asyncio.gather(*(all_at_once(stores, guild, commands[guild]) for guild in guilds)), 120
    )
    for guild, (acknowledged, history) in zip(guilds, results, strict=True):
        members = Members(stores.guilds, guild)
        assert sorted(acknowledged) == commands[guild]
        assert (await members.heard(), await members.waiting()) == history.explained()


async def test_negative_control_without_the_version_condition_acknowledged_commands_are_lost(
    stores: AnyStores,
) -> None:
    commands = [f"play p{number}" for number in range(20)]
    acknowledged, history = await all_at_once(stores, GUILD, commands, Unconditional)
    members = Members(stores.guilds)
    assert len(acknowledged) == 20
    assert (await members.heard(), await members.waiting()) != history.explained()
    assert (await members.store.state()).waiting < 19
