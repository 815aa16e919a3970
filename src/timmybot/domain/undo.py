"""Taking back the last destructive action.

What clears or reorders a queue leaves the old writing of it as it was and goes on in a new one; to take it back is to
point at the old one again, so it costs the same at any length. What was queued since is copied behind what comes back,
and what plays goes on playing.

A copy is a new entry under a new name. It may be of one that lies in the old writing, too: what was played went along
into the new one, and a step back made it wait there. Two entries of one name would be one to whoever writes the queue
anew, and to whoever picks by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from timmybot.domain.crash_record import NO_CRASHES
from timmybot.domain.errors import NothingToUndo, QueueFull, TooMuchSince
from timmybot.domain.guild_state import Action, GuildState
from timmybot.domain.ids import EntryId, OrderKey, PlayId
from timmybot.domain.order_key import after, at, between, named_by, whole_place
from timmybot.domain.track import Entry

COPIES = 50
"""How much may have been queued since and still be copied in one write."""


@dataclass(frozen=True)
class Undo:
    """What it takes to take an action back. The store keeps one of them, the last."""

    action: Action
    before: GuildState
    """The state that the action was decided on."""
    removed: Entry | None = None
    """What was removed, if one entry was."""


@dataclass(frozen=True)
class Restored:
    """A state that points at what comes back, and the entries to write so that nothing queued since is lost."""

    state: GuildState
    add: tuple[Entry, ...]
    moved: tuple[tuple[OrderKey, OrderKey], ...] = ()
    """The old and the new keys of what was copied."""


def bring_back_removed(state: GuildState, undo: Undo, first: Entry | None, play_id: PlayId) -> Restored:
    """Put a removed entry where it was, or next if the queue has gone past that place; play it if nothing plays.

    ``first`` is the first entry that waits.
    """
    entry, before = undo.removed, undo.before
    if entry is None or before.voice_channel_id is None or before.text_channel_id is None:
        raise NothingToUndo
    if not state.is_begun:
        entry = replace(entry, key=after(state.tail, entry.entry_id))
    elif entry.key <= state.head:
        entry = replace(entry, key=between(state.head, first.key if first else None, entry.entry_id))
    voice = state.voice_channel_id or before.voice_channel_id
    room = state.waiting + 1
    queued = state.enqueue(entry, voice=voice, text=before.text_channel_id, play_id=play_id, limit=room)
    return Restored(forget(replace(queued, away=state.away)), (entry,))


def bring_back_queue(
    state: GuildState,
    undo: Undo,
    *,
    first: Entry | None,
    current: Entry | None,
    waiting: Sequence[Entry],
    names: Sequence[EntryId],
    play_id: PlayId,
    limit: int,
) -> Restored:
    """Point at the queue as it was before it was cleared or stopped.

    ``first`` waited first in it; ``current`` and ``waiting`` are what plays and what was queued since. Copies of them
    are named by ``names``, one more than wait. If nothing plays now, what was stopped plays again as ``play_id`` from
    where it was.

    Raises :class:`TooMuchSince`, :class:`QueueFull`, and :class:`~timmybot.domain.order_key.KeysExhausted` if what
    plays finds no place before ``first``.
    """
    before = undo.before
    if len(waiting) > COPIES:
        raise TooMuchSince(COPIES)
    if before.waiting + len(waiting) > limit:
        raise QueueFull(limit)
    back = replace(
        state, generation=before.generation, head=before.head, tail=before.tail, overtaken=before.overtaken
    ).counting(before.tally)
    copies: list[tuple[Entry, Entry]] = []
    if not state.is_begun:
        back = _play_again(back, undo, first, play_id)
    elif _same(state.current, before.current):
        back = replace(back, current=before.current)
    elif current is not None:
        name = names[-1]
        playing = replace(current, entry_id=name, key=between(before.head, first.key if first else None, name))
        back = replace(back, current=playing.key, head=playing.key, tail=max(back.tail, playing.key))
        copies.append((current, playing))
    place = whole_place(back.tail) + 1
    for number, (entry, name) in enumerate(zip(waiting, names, strict=False)):
        queued = replace(entry, entry_id=name, key=at(place + number, name))
        back = back.requeue(queued)
        copies.append((entry, queued))
    moved = tuple((entry.key, copy.key) for entry, copy in copies)
    return Restored(forget(back), tuple(copy for _, copy in copies), moved)


def forget(state: GuildState) -> GuildState:
    """With nothing left to take back."""
    return replace(state, undo=None, kept_generation=None)


def _play_again(back: GuildState, undo: Undo, first: Entry | None, play_id: PlayId) -> GuildState:
    before = undo.before
    placed = replace(back, voice_channel_id=before.voice_channel_id, text_channel_id=before.text_channel_id)
    if undo.action is Action.STOP:
        position = before.position_ms
        placed = replace(placed, position_ms=position, loop=before.loop, crashes=NO_CRASHES)
        return replace(placed, current=before.current, play_id=play_id)
    if first is None:
        raise NothingToUndo
    playing = replace(placed, current=before.current, play_id=play_id)
    return playing.advance(play_id, first, play_id)


def _same(one: OrderKey | None, other: OrderKey | None) -> bool:
    """Whether both are of one entry, which may have been given another place meanwhile."""
    return one is not None and other is not None and named_by(one) == named_by(other)
