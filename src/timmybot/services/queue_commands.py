"""What members can ask of one guild's queue: change its order, take something out, bring it back, look behind.

An entry is picked by its position once, at the first reading; from there on that entry is meant. So of two members who
remove number 3 at one moment, the second does not remove what was number 4.
"""

from __future__ import annotations

from dataclasses import replace

from timmybot.domain import queue_edits
from timmybot.domain.change import Change
from timmybot.domain.errors import NoLongerWaiting, NoSuchPosition, NothingToUndo, NothingWaits
from timmybot.domain.guild_state import Action, GuildState
from timmybot.domain.ids import EntryId, InteractionId, PlayId
from timmybot.domain.order_key import KeysExhausted
from timmybot.domain.rewriting import Contents, Rewritten, bring_back_with_fresh_places, in_order_of, shuffle
from timmybot.domain.track import Entry
from timmybot.domain.undo import COPIES, Undo, bring_back_queue, bring_back_removed
from timmybot.domain.wording import history_of, named, tracks
from timmybot.ports.guild_store import GuildStore
from timmybot.services.carrying_out import CarryingOut, Permit, anybody
from timmybot.services.moving_on import what_stays
from timmybot.services.new_id import NewId
from timmybot.services.writing_anew import EVERYTHING, WritingAnew, contents, moved_replies

_UNDONE = {
    Action.REMOVE: "The removed track is back.",
    Action.CLEAR: "What was cleared is back.",
    Action.STOP: "What was stopped is back.",
    Action.SHUFFLE: "The queue is in its old order again.",
}


class QueueCommands:
    """The commands of the guild that ``store`` was opened for, on behalf of one interaction."""

    def __init__(
        self,
        store: GuildStore,
        interaction_id: InteractionId,
        *,
        new_id: NewId,
        queue_limit: int,
        permit: Permit = anybody,
    ) -> None:
        self._store = store
        self._carry_out = CarryingOut(store, interaction_id, permit)
        self._new_id = new_id
        self._queue_limit = queue_limit

    async def remove(self, position: int) -> str:
        """Take out the entry that waits at ``position``, counted from 1."""
        picked: list[Entry] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            entry = await self._picked(state, position, picked)
            return queue_edits.remove(state, entry), f"Removed {named(entry.track)}. `/undo` brings it back."

        return await self._carry_out(decide)

    async def move(self, position: int, to: int) -> str:
        """Let the entry that waits at ``position`` wait at ``to``."""
        picked: list[Entry] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            entry = await self._picked(state, position, picked)
            waiting = await self._store.entries(after=state.head, limit=to + 1, of=state)
            others = [each for each in waiting if each.key != entry.key]
            if len(others) < to - 1:
                raise NoSuchPosition(to, state.waiting)
            low = others[to - 2].key if to > 1 else state.head
            high = others[to - 1].key if len(others) >= to else None
            answer = f"{named(entry.track)} is number {to:,} now."
            if low < entry.key and (high is None or entry.key < high):
                # It is there already, perhaps moved by someone else just now: its new key might be the one it has.
                return Change(state), answer
            change = queue_edits.move(state, entry, low, high)
            return replace(change, owe=await moved_replies(self._store, {entry.key: change.add[0].key})), answer

        return await self._carry_out(decide)

    async def shuffle(self) -> str:
        writing, seed = WritingAnew(self._store), self._new_id()

        def plan(state: GuildState, held: Contents) -> Rewritten:
            return shuffle(state, held, seed)

        async def decide(state: GuildState) -> tuple[Change, str]:
            change = await writing.change(state, plan)
            return change, f"Shuffled {tracks(change.state.waiting)}. `/undo` brings the old order back."

        return await self._carry_out(decide)

    async def clear(self) -> str:
        async def decide(state: GuildState) -> tuple[Change, str]:
            if not state.waiting:
                raise NothingWaits
            change = queue_edits.clear(state, *await what_stays(self._store, state))
            them = "it" if state.waiting == 1 else "them"
            return change, f"Cleared {tracks(state.waiting)}. `/undo` brings {them} back."

        return await self._carry_out(decide)

    async def undo(self) -> str:
        writing = WritingAnew(self._store)

        async def decide(state: GuildState) -> tuple[Change, str]:
            undo = await self._store.undoable() if state.undo else None
            if undo is None or undo.action is not state.undo:
                raise NothingToUndo
            match undo.action:
                case Action.SHUFFLE:
                    change = await self._unshuffled(state, undo, writing)
                case Action.REMOVE:
                    change = await self._unremoved(state, undo)
                case _:
                    change = await self._uncleared(state, undo, writing)
            return change, _UNDONE[undo.action] + await self._begun_by(change, state)

        return await self._carry_out(decide)

    async def _begun_by(self, change: Change, before: GuildState) -> str:
        """A sentence about the track that plays from now on, if the change begins another one."""
        key = change.state.current
        if key is None or change.state.play_id == before.play_id:
            return ""
        entry = next((entry for entry in change.add if entry.key == key), None)
        entry = entry or await self._store.entry(key, of=change.state)
        return f" Now playing {named(entry.track)}" if entry is not None else ""

    async def history(self) -> str:
        state = await self._store.state()
        return history_of(await self._store.history(state, limit=queue_edits.HISTORY_COPIED))

    async def _unremoved(self, state: GuildState, undo: Undo) -> Change:
        first = (await self._store.step(state)).to
        restored = bring_back_removed(state, undo, first, PlayId(self._new_id()))
        return Change(restored.state, add=restored.add)

    async def _uncleared(self, state: GuildState, undo: Undo, writing: WritingAnew) -> Change:
        current = await self._store.entry(state.current, of=state) if state.current else None
        waiting = await self._store.entries(after=state.head, limit=COPIES + 1, of=state)
        first = (await self._store.step(undo.before)).to
        names = [EntryId(self._new_id()) for _ in range(len(waiting) + 1)]
        play_id, limit = PlayId(self._new_id()), self._queue_limit
        try:
            restored = bring_back_queue(
                state, undo, first=first, current=current, waiting=waiting, names=names, play_id=play_id, limit=limit
            )
        except KeysExhausted:
            # The room is wanted in the queue that comes back: to make it in the present one would help nobody.
            before = await contents(self._store, undo.before)

            def plan(state: GuildState, held: Contents) -> Rewritten:
                return bring_back_with_fresh_places(
                    state, held, undo, before, names=names, play_id=play_id, limit=limit
                )

            return await writing.change(state, plan)
        owe = await moved_replies(self._store, dict(restored.moved))
        return Change(restored.state, add=restored.add, owe=owe)

    async def _unshuffled(self, state: GuildState, undo: Undo, writing: WritingAnew) -> Change:
        before = await self._store.entries(after=undo.before.head, limit=EVERYTHING, of=undo.before)
        order = {entry.entry_id: number for number, entry in enumerate(before)}
        return await writing.change(state, lambda state, held: in_order_of(state, held, order))

    async def _picked(self, state: GuildState, position: int, picked: list[Entry]) -> Entry:
        """The entry that was picked by its ``position`` when the state was read first."""
        if not picked:
            waiting = await self._store.entries(after=state.head, limit=position, of=state)
            if len(waiting) < position:
                raise NoSuchPosition(position, state.waiting)
            picked.append(waiting[-1])
            return waiting[-1]
        entry = await self._store.entry(picked[0].key, of=state)
        if entry is not None and entry.key > state.head:
            return entry
        # It may have been given another key meanwhile: by a move, a shuffle, or our own making room.
        for moved in await self._store.entries(after=state.head, limit=EVERYTHING, of=state):
            if moved.entry_id == picked[0].entry_id:
                return moved
        raise NoLongerWaiting
