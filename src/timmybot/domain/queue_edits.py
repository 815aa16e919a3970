"""What members do to a guild's queue: each edit is a pure function that yields a :class:`Change`.

Two kinds. Most edits write one entry or two, wherever they lie. Those that touch every entry (clear, stop, shuffle)
never do it in place: they make a **new writing** of the queue under a new generation, into which what stays is copied,
and the state then points at it. The old one stays whole for an undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from timmybot.domain.change import Change
from timmybot.domain.guild_state import Action, GuildState
from timmybot.domain.ids import ChannelId, EntryId, OrderKey, PlayId, UserId
from timmybot.domain.order_key import after, at, between, whole_place
from timmybot.domain.tally import NOTHING
from timmybot.domain.track import Entry, Track
from timmybot.domain.undo import Undo

HISTORY_COPIED = 10
"""How many played entries go along into a new writing: what ``/history`` shows."""


@dataclass(frozen=True)
class Wish:
    """What a member wants to hear, and where."""

    tracks: tuple[tuple[EntryId, Track], ...]
    """Each with the name that its entry will have."""
    user: UserId
    voice: ChannelId
    text: ChannelId
    play_id: PlayId
    """The playing that starts if nothing plays."""
    limit: int
    """How many entries may wait."""

    def entries(self, place: int) -> tuple[Entry, ...]:
        """The wished entries, from the whole ``place`` on."""
        return tuple(Entry(at(place + n, name), name, track, self.user) for n, (name, track) in enumerate(self.tracks))

    def queued(self, state: GuildState, entries: Sequence[Entry]) -> GuildState:
        """Raises :class:`~timmybot.domain.errors.PlayingElsewhere` and :class:`~timmybot.domain.errors.QueueFull`."""
        return state.enqueue(*entries, voice=self.voice, text=self.text, play_id=self.play_id, limit=self.limit)


def append(state: GuildState, wish: Wish) -> Change:
    """Queue everything wished for behind all that waits, or nothing."""
    entries = wish.entries(whole_place(state.tail) + 1)
    return Change(wish.queued(state, entries), add=entries)


def put_next(state: GuildState, wish: Wish, first: Entry | None) -> Change:
    """Queue the one wished entry before ``first``, which waits first.

    Raises :class:`~timmybot.domain.order_key.KeysExhausted`.
    """
    if not state.is_begun or first is None:
        return append(state, wish)
    ((name, track),) = wish.tracks
    entry = Entry(between(state.head, first.key, name, close=True), name, track, wish.user)
    return Change(wish.queued(state, [entry]), add=(entry,))


def remove(state: GuildState, entry: Entry) -> Change:
    """Take a waiting entry out."""
    without = replace(state.without_waiting(entry), undo=Action.REMOVE, kept_generation=None)
    return Change(without, remove=(entry.key,), undo=Undo(Action.REMOVE, state, entry))


def move(state: GuildState, entry: Entry, low: OrderKey, high: OrderKey | None) -> Change:
    """Put a waiting entry between two others, or behind all if ``high`` is ``None``.

    Raises :class:`~timmybot.domain.order_key.KeysExhausted`.
    """
    name = entry.entry_id
    moved = replace(entry, key=between(low, high, name) if high else after(state.tail, name))
    return Change(replace(state, tail=max(state.tail, moved.key)), add=(moved,), remove=(entry.key,))


def clear(state: GuildState, current: Entry | None, history: Sequence[Entry]) -> Change:
    """Let nothing wait; what plays goes on."""
    cleared = replace(new_writing(state, Action.CLEAR), tail=state.head).counting(NOTHING)
    return Change(cleared, add=_kept(current, history), undo=Undo(Action.CLEAR, state))


def stop(state: GuildState, current: Entry | None, history: Sequence[Entry]) -> Change:
    """Want no player and let nothing wait. Raises :class:`~timmybot.domain.errors.NothingPlaying`."""
    stopped = replace(new_writing(state.stop(), Action.STOP), head=state.head, tail=state.head)
    return Change(stopped, add=_kept(current, history), undo=Undo(Action.STOP, state))


def new_writing(state: GuildState, action: Action) -> GuildState:
    """The state pointing at a new writing of its queue, with the old one kept so that ``action`` can be taken back."""
    number = state.generations + 1
    kept = replace(state, kept_generation=state.generation, undo=action)
    return replace(kept, generation=number, generations=number, overtaken=None)


def _kept(current: Entry | None, history: Sequence[Entry]) -> tuple[Entry, ...]:
    return (*history[-HISTORY_COPIED:], *((current,) if current else ()))
