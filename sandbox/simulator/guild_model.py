"""One guild as its members understand it: the sequential model that every history has to be explained by.

Nothing here is shared with the shipped domain: this is what the commands mean, said a second time and as simply as
possible. What a member has to be answered is in ``explaining``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sandbox.simulator.choosing import NOTHING_CHOSEN, Chosen

Item = str
"""One entry: its track's tag, and after a ``#`` what tells it from others of that track: the number of the playing
after which a loop queued it again, or of the undo that copied it."""

_HISTORY_KEPT = 10
"""How much of what was played goes along when the queue is written anew."""


def tags_of(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple(item.partition("#")[0] for item in items)


@dataclass(frozen=True)
class Taken:
    """What an undo brings back: the guild as it was before ``action``."""

    action: str
    before: GuildModel
    removed: Item | None = None


@dataclass(frozen=True)
class GuildModel:
    current: Item | None = None
    waiting: tuple[Item, ...] = ()
    behind: tuple[Item, ...] = ()
    """What was played, the latest last."""
    paused: bool = False
    away: bool = False
    """The player could not get in, and waits to be asked again."""
    channel: int | None = None
    loop: str = "off"
    chosen: Chosen = NOTHING_CHOSEN
    playing: int = 0
    """How many playings have begun: the number of the present one, as every beginning is a new playing."""
    taken: Taken | None = None
    done: frozenset[int] = frozenset()
    """The commands that took effect."""

    @property
    def played(self) -> tuple[Item, ...]:
        """The history once what plays is over."""
        return (*self.behind, *((self.current,) if self.current else ()))

    def starting(self, item: Item, waiting: tuple[Item, ...], behind: tuple[Item, ...]) -> GuildModel:
        return replace(
            self, current=item, waiting=waiting, behind=behind, playing=self.playing + 1, paused=False
        )  # fmt: skip

    def silent(self, behind: tuple[Item, ...]) -> GuildModel:
        return replace(
            self, current=None, waiting=(), behind=behind, paused=False, away=False, channel=None, loop="off"
        )

    def queued(self, items: tuple[Item, ...], channel: int, *, next_up: bool = False) -> GuildModel:
        if self.current is None:
            return replace(self, channel=channel).starting(items[0], items[1:], self.behind)
        waiting = (*items, *self.waiting) if next_up else (*self.waiting, *items)
        return replace(self, waiting=waiting, away=False, channel=channel)

    def next(self, by: int = 1) -> GuildModel:
        """Go on to the entry that waits at ``by``."""
        behind = (*self.played, *self.waiting[: by - 1])
        if len(self.waiting) < by:
            return self.silent(behind)
        return self.starting(self.waiting[by - 1], self.waiting[by:], behind)

    def over(self, *, skipped: bool = False, failed: bool = False) -> GuildModel:
        """What plays is over; a loop repeats it, but not what would only fail again."""
        if self.loop == "track" and not skipped and not failed:
            return replace(self, playing=self.playing + 1, paused=False)
        if self.loop == "queue" and not failed and self.current:
            again = f"{tags_of([self.current])[0]}#{self.playing}"
            return replace(self, waiting=(*self.waiting, again)).next()
        return self.next()

    def previous(self) -> GuildModel:
        assert self.current is not None
        return self.starting(self.behind[-1], (self.current, *self.waiting), self.behind[:-1])

    def without(self, place: int) -> tuple[Item, ...]:
        return (*self.waiting[:place], *self.waiting[place + 1 :])

    def removed(self, place: int) -> GuildModel:
        taken = Taken("remove", self._before(), self.waiting[place])
        return replace(self, waiting=self.without(place), taken=taken)

    def moved(self, place: int, to: int) -> GuildModel:
        others = self.without(place)
        return replace(self, waiting=(*others[:to], self.waiting[place], *others[to:]))

    def shuffled(self, waiting: tuple[Item, ...]) -> GuildModel:
        taken = Taken("shuffle", self._before())
        return replace(self, waiting=waiting, behind=self.behind[-_HISTORY_KEPT:], taken=taken)

    def cleared(self) -> GuildModel:
        taken = Taken("clear", self._before())
        return replace(self, waiting=(), behind=self.behind[-_HISTORY_KEPT:], taken=taken)

    def stopped(self) -> GuildModel:
        behind = (*self.behind[-_HISTORY_KEPT:], *((self.current,) if self.current else ()))
        return replace(self.silent(behind), taken=Taken("stop", self._before()))

    def dropped(self, place: int | None) -> GuildModel:
        """What waits at ``place``, or what plays, leaves the queue without having been played."""
        if place is not None:
            return replace(self, waiting=self.without(place))
        return replace(self, current=None).next()

    def undone(self, place: int) -> GuildModel | None:
        """With the last destructive action taken back; a removed entry comes to ``place``."""
        if self.taken is None:
            return None
        match self.taken.action:
            case "remove":
                return self._unremoved(place, self.taken)
            case "shuffle":
                order = self.taken.before.waiting
                waiting = (*(each for each in order if each in self.waiting),
                           *(each for each in self.waiting if each not in order))  # fmt: skip
                return replace(self, waiting=waiting, behind=self.behind[-_HISTORY_KEPT:], taken=None)
            case _:
                return self._uncleared(self.taken)

    def _unremoved(self, place: int, taken: Taken) -> GuildModel:
        """Where the queue has changed since, no place is the only right one."""
        assert taken.removed is not None
        forgotten = replace(self, taken=None)
        if self.current is None:
            return forgotten.queued((taken.removed,), taken.before.channel or 0)
        waiting = (*self.waiting[:place], taken.removed, *self.waiting[place:])
        return replace(forgotten, waiting=waiting)

    def _uncleared(self, taken: Taken) -> GuildModel:
        """What came since waits behind what comes back, and what plays goes on playing: both as copies, as they may be
        in what comes back, too."""
        before = taken.before
        since = tuple(self._copy_of(item) for item in self.waiting)
        back = replace(self, waiting=(*before.waiting, *since), behind=before.behind, taken=None)
        if self.current is not None:
            if self.current == before.current:
                return back
            return replace(back, current=self._copy_of(self.current), behind=before.played)
        placed = replace(back, current=before.current, channel=before.channel)
        if taken.action == "clear":
            return placed.next()
        return replace(placed, loop=before.loop, playing=self.playing + 1)

    def _copy_of(self, item: Item) -> Item:
        return f"{item}#undone{len(self.done)}"

    def _before(self) -> GuildModel:
        """Without settings: no undo brings old ones back."""
        return replace(self, taken=None, done=frozenset(), chosen=NOTHING_CHOSEN)
