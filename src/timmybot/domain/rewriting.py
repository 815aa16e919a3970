"""Writing a whole queue anew: shuffled, in its old order, with fresh places, or with a long list behind it.

A plan is a pure function from what the queue holds to what it shall hold. It can be made again when the queue has
changed meanwhile, and where it can, it gives an entry the same key as before, so that little has to be written twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from timmybot.domain.errors import NothingWaits
from timmybot.domain.guild_state import Action, GuildState
from timmybot.domain.ids import EntryId, OrderKey, PlayId
from timmybot.domain.order_key import at, shuffled, whole_place
from timmybot.domain.queue_edits import Wish
from timmybot.domain.tally import Tally
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo, bring_back_queue, forget

_ROOM = 100_000
"""Places left free before a long list: what single members add while it is written comes before it."""


@dataclass(frozen=True)
class Contents:
    """What a queue holds: its last history, oldest first, what plays, and everything that waits, in order."""

    history: tuple[Entry, ...]
    current: Entry | None
    waiting: tuple[Entry, ...]

    @property
    def behind(self) -> tuple[Entry, ...]:
        """History and what plays."""
        return (*self.history, *((self.current,) if self.current else ()))


@dataclass(frozen=True)
class Rewritten:
    """What a queue shall hold. ``state`` still names the old generation: whoever writes this knows the new one."""

    state: GuildState
    entries: tuple[Entry, ...]
    undo: Undo | None = None
    moved: tuple[tuple[OrderKey, OrderKey], ...] = ()
    """The old and the new keys of what is not known again by its name, or comes from another writing."""


def shuffle(state: GuildState, held: Contents, seed: str) -> Rewritten:
    """Raises :class:`NothingWaits`."""
    if not held.waiting:
        raise NothingWaits
    waiting = [replace(entry, key=shuffled(state.head, entry.entry_id, seed)) for entry in held.waiting]
    to_undo = replace(state, undo=Action.SHUFFLE, kept_generation=state.generation)
    return _written(to_undo, held, waiting, Undo(Action.SHUFFLE, state))


def in_order_of(state: GuildState, held: Contents, order: Mapping[EntryId, int]) -> Rewritten:
    """What waits in its old ``order`` again; what came since behind it, as it stands."""
    known = sorted((entry for entry in held.waiting if entry.entry_id in order), key=lambda e: order[e.entry_id])
    since = [entry for entry in held.waiting if entry.entry_id not in order]
    return _written(forget(state), held, _placed([*known, *since], whole_place(state.head) + 1))


def with_fresh_places(state: GuildState, held: Contents) -> Rewritten:
    """Everything as it is, with short keys."""
    history = _placed(held.history, 1)
    place = len(history) + 1
    playing = _placed(held.behind[len(history) :], place)
    # What plays may be unreadable: then the head stands where it would be.
    head = playing[0].key if playing else at(place, EntryId("-"))
    replaced = replace(state, current=head if state.is_begun else None, head=head, tail=head)
    behind = Contents(tuple(history), playing[0] if playing else None, ())
    return _written(replaced, behind, _placed(held.waiting, place + 1))


def bring_back_with_fresh_places(
    state: GuildState,
    held: Contents,
    undo: Undo,
    before: Contents,
    *,
    names: Sequence[EntryId],
    play_id: PlayId,
    limit: int,
) -> Rewritten:
    """What :func:`bring_back_queue` does, for a queue that has no room left between what was played and what waits.

    ``before`` is what that queue holds.
    """
    fresh = with_fresh_places(undo.before, before)
    restored = bring_back_queue(
        state,
        replace(undo, before=fresh.state),
        first=next((entry for entry in fresh.entries if entry.key > fresh.state.head), None),
        current=held.current,
        waiting=held.waiting,
        names=names,
        play_id=play_id,
        limit=limit,
    )
    old = (*before.behind, *before.waiting)
    moved = ((entry.key, now.key) for entry, now in zip(old, fresh.entries, strict=True))
    return Rewritten(restored.state, (*fresh.entries, *restored.add), moved=(*moved, *restored.moved))


def extend(state: GuildState, held: Contents, wish: Wish) -> Rewritten:
    """A long list behind everything that waits.

    Raises :class:`~timmybot.domain.errors.PlayingElsewhere` and :class:`~timmybot.domain.errors.QueueFull`.
    """
    counted = replace(state, tail=max([state.tail, *(entry.key for entry in held.waiting)]))
    counted = counted.counting(Tally.of(held.waiting))
    entries = wish.entries(whole_place(state.tail) // _ROOM * _ROOM + 2 * _ROOM)
    return Rewritten(wish.queued(counted, entries), (*held.behind, *held.waiting, *entries))


def _placed(entries: Sequence[Entry], place: int) -> list[Entry]:
    return [replace(entry, key=at(place + n, entry.entry_id)) for n, entry in enumerate(entries)]


def _written(state: GuildState, held: Contents, waiting: Sequence[Entry], undo: Undo | None = None) -> Rewritten:
    tail = max([state.head, *(entry.key for entry in waiting)])
    written = replace(state, tail=tail).counting(Tally.of(waiting))
    return Rewritten(written, (*held.behind, *waiting), undo)
