"""Writes a guild's whole queue anew, as one change.

What fits into one transaction is written in it. What does not is first written beside the queue, under a generation
that was handed out for it, and then pointed at, under the version like any other change. Until then nobody sees it, and
if someone was faster, only what differs is written again. Of several at a time, only the youngest may finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import OrderKey
from timmybot.domain.queue_edits import HISTORY_COPIED
from timmybot.domain.rewriting import Contents, Rewritten
from timmybot.domain.track import Entry
from timmybot.ports.guild_store import CHANGE_LIMIT, GuildStore

EVERYTHING = 100_000
"""More entries than any queue holds."""

Plan = Callable[[GuildState, Contents], Rewritten]


class WritingAnew:
    """One rewriting of the queue that ``store`` was opened for. Keep it over lost races."""

    def __init__(self, store: GuildStore) -> None:
        self._store = store
        self._number: int | None = None
        self._beside: dict[OrderKey, Entry] = {}

    async def change(self, state: GuildState, plan: Plan) -> Change:
        """The change that makes of the queue what ``plan`` says.

        Raises ``VersionConflict``, ``StoreUnavailable`` and what ``plan`` raises.
        """
        held = await contents(self._store, state)
        written = plan(state, held)
        owe = await moved_replies(self._store, _moves(held, written.entries) | dict(written.moved))
        if len(written.entries) + len(owe) <= CHANGE_LIMIT:
            number = state.generations + 1
            pointing = replace(_pointing(written.state, number), generations=number)
            return Change(pointing, add=written.entries, owe=owe, undo=written.undo)
        if self._number is None or self._number != state.generations:
            state = await self._hand_out(state)
            written = plan(state, held)
        assert self._number is not None
        await self._write_beside(self._number, written.entries)
        return Change(_pointing(written.state, self._number), owe=owe, undo=written.undo)

    async def _hand_out(self, state: GuildState) -> GuildState:
        state = await self._store.commit(Change(replace(state, generations=state.generations + 1)))
        self._number, self._beside = state.generations, {}
        return state

    async def _write_beside(self, number: int, entries: Sequence[Entry]) -> None:
        wanted = {entry.key: entry for entry in entries}
        put = [entry for key, entry in wanted.items() if self._beside.get(key) != entry]
        gone = [key for key in self._beside if key not in wanted]
        # Should this fail in the middle, what is beside is not known any more.
        number_was, self._number = self._number, None
        await self._store.prepare(number, put, gone)
        self._number, self._beside = number_was, wanted


async def contents(store: GuildStore, of: GuildState) -> Contents:
    """All that goes along when the writing that ``of`` points at is written anew."""

    async def current() -> Entry | None:
        return await store.entry(of.current, of=of) if of.current else None

    history, playing, waiting = await asyncio.gather(
        store.history(of, limit=HISTORY_COPIED), current(), store.entries(after=of.head, limit=EVERYTHING, of=of)
    )
    return Contents(tuple(reversed(history)), playing, tuple(waiting))


async def moved_replies(store: GuildStore, moves: dict[OrderKey, OrderKey]) -> tuple[OwedReply, ...]:
    """The owed replies that have to follow their entries from old to new keys."""
    if not moves:
        return ()
    return tuple(replace(owed, key=moves[owed.key]) for owed in await store.owed_replies() if owed.key in moves)


def _pointing(state: GuildState, number: int) -> GuildState:
    # What was jumped over stays behind in the old writing.
    return replace(state, generation=number, overtaken=None)


def _moves(held: Contents, entries: Sequence[Entry]) -> dict[OrderKey, OrderKey]:
    new = {entry.entry_id: entry.key for entry in entries}
    old = {entry.key: new.get(entry.entry_id) for entry in (*held.behind, *held.waiting)}
    return {key: now for key, now in old.items() if now is not None and now != key}
