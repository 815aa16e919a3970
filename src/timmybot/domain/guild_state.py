"""The wanted state of one guild's player, and the changes that commands make to it.

A :class:`GuildState` is what the guild wants: which entry is to be heard where. It holds no entry itself: it points
into the queue with order keys. Entries up to ``head`` have been played (they are history); those behind it, up to
``tail``, wait. So a command changes a constant amount however long the queue is.

``waiting`` counts what is **stored** behind the head, also what cannot be read: so it is exact whatever happens to
single entries, and moving the head takes off what it passes (:class:`~timmybot.domain.step.Step`).

Every method returns the changed state and leaves the old one as it was. None of them looks at a clock or draws a random
number: new identifiers are handed in. What changes entries as well is in ``queue_edits`` and ``undo``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from timmybot.domain.crash_record import NO_CRASHES, CrashRecord
from timmybot.domain.errors import AlreadyAdvanced, NothingBefore, NothingPlaying, PlayingElsewhere, QueueFull
from timmybot.domain.guild_settings import NOTHING_CHOSEN, GuildSettings
from timmybot.domain.ids import ChannelId, Epoch, InteractionId, OrderKey, PlayId
from timmybot.domain.order_key import START
from timmybot.domain.step import Step
from timmybot.domain.tally import NOTHING, Tally
from timmybot.domain.track import Entry

RECENT_INTERACTIONS = 16
"""How many interaction ids are remembered. Discord repeats a delivery within seconds, if at all."""


class Loop(Enum):
    """What happens at the end of a track."""

    OFF = "off"
    TRACK = "track"
    """It is played again; a skip goes on."""
    QUEUE = "queue"
    """It is queued again, behind everything that waits."""


class Action(Enum):
    """The destructive actions, which can be taken back."""

    REMOVE = "remove"
    CLEAR = "clear"
    STOP = "stop"
    SHUFFLE = "shuffle"


@dataclass(frozen=True)
class GuildState:
    """What a guild wants to hear. The default is a guild that has never asked for anything."""

    voice_channel_id: ChannelId | None = None
    text_channel_id: ChannelId | None = None
    current: OrderKey | None = None
    """The entry to be heard now; ``None`` if the guild wants no player."""
    play_id: PlayId | None = None
    """The playing of ``current``. Set exactly when ``current`` is."""
    position_ms: int = 0
    """Where ``play_id`` was when its place was last saved here. A heartbeat may know a later place."""
    crashes: CrashRecord = NO_CRASHES
    """What ``play_id`` was part of. Another playing begins without."""
    paused: bool = False
    away: bool = False
    """The player has left although the queue is not over; it comes back with the next ``/play`` or ``/resume``."""
    loop: Loop = Loop.OFF
    generation: int = 0
    """The number of the queue's present writing: whoever writes all of it anew does so under a new number."""
    generations: int = 0
    """The highest number handed out. Only the writing that has it may become the present one, so that two at a time
    never mix, and whatever is neither present, kept nor this one is dead for good."""
    kept_generation: int | None = None
    """The writing that an undo would bring back."""
    undo: Action | None = None
    """The destructive action that can be taken back; the store keeps what it takes."""
    head: OrderKey = START
    tail: OrderKey = START
    """No key in the queue is behind it."""
    overtaken: OrderKey | None = None
    """Behind this key, up to the head, lies what was jumped over and has no time yet at which it is forgotten."""
    waiting: int = 0
    """How many entries are behind the head."""
    waiting_ms: int = 0
    """How long those of them last whose length is known."""
    waiting_unknown: int = 0
    """How many of them are of unknown length."""
    version: int = 0
    """Raised by every write; a write that read an older one is refused."""
    epoch: Epoch = Epoch(0)
    """The highest epoch under which a worker has claimed this guild."""
    recent: tuple[InteractionId, ...] = ()
    """The interactions whose commands were carried out last, oldest first."""
    settings: GuildSettings = NOTHING_CHOSEN

    @property
    def is_begun(self) -> bool:
        """Whether there is something to be heard, now or when the player is back."""
        return self.current is not None

    @property
    def wants_player(self) -> bool:
        return self.is_begun and not self.away

    @property
    def tally(self) -> Tally:
        """What waits."""
        return Tally(self.waiting, self.waiting_ms, self.waiting_unknown)

    def counting(self, tally: Tally) -> Self:
        return replace(self, waiting=tally.count, waiting_ms=tally.known_ms, waiting_unknown=tally.unknown)

    def has_seen(self, interaction_id: InteractionId) -> bool:
        return interaction_id in self.recent

    def remember(self, interaction_id: InteractionId) -> Self:
        return replace(self, recent=(*self.recent, interaction_id)[-RECENT_INTERACTIONS:])

    def enqueue(self, *entries: Entry, voice: ChannelId, text: ChannelId, play_id: PlayId, limit: int) -> Self:
        """Queue ``entries``, whose keys rise from behind the head; start the first as ``play_id`` if nothing plays.

        A player that is away comes back, to ``voice``, and goes on with what it played.

        Raises :class:`PlayingElsewhere`, and :class:`QueueFull` if not all of them fit.
        """
        if self.wants_player and self.voice_channel_id != voice:
            assert self.voice_channel_id is not None
            raise PlayingElsewhere(self.voice_channel_id)
        if self.waiting + len(entries) > limit + (0 if self.is_begun else 1):
            raise QueueFull(limit)
        queued = replace(self, voice_channel_id=voice, text_channel_id=text, away=False)._with_waiting(entries)
        return queued if self.is_begun else queued._start(entries[0], play_id)

    def advance(self, over: PlayId, to: Entry | None, play_id: PlayId, passed: Tally = NOTHING) -> Self:
        """End the playing ``over`` and start the entry behind it, or want no player when there is none.

        ``passed`` is what lies between the two. Raises :class:`AlreadyAdvanced` when ``over`` is no longer what plays:
        of two skips at one moment, or of a skip and a natural end, one advances.
        """
        self._check(over)
        if to is None:
            return self._silence()
        overtaken = self.overtaken if passed == NOTHING else min(self.head, self.overtaken or self.head)
        return replace(self, overtaken=overtaken).counting(self.tally.less(passed))._start(to, play_id)

    def again(self, over: PlayId, play_id: PlayId) -> Self:
        """Play the current entry from its start. Raises :class:`AlreadyAdvanced`."""
        self._check(over)
        return replace(self, play_id=play_id, position_ms=0, crashes=NO_CRASHES, paused=False)

    def go_back(self, over: PlayId, back: Step, current: Entry | None, play_id: PlayId) -> Self:
        """Play the entry before the current one, which then waits as the next; so does whatever lies between.

        Raises :class:`AlreadyAdvanced` and :class:`NothingBefore`.
        """
        self._check(over)
        if back.to is None:
            raise NothingBefore
        waits_again = Tally.of([current]) if current else Tally(1, 0, 1)
        returned = self.counting(self.tally.plus(waits_again).plus(back.passed))
        here = replace(returned, current=back.to.key, head=back.to.key)
        return replace(here, play_id=play_id, position_ms=0, crashes=NO_CRASHES, paused=False)

    def requeue(self, entry: Entry) -> Self:
        """Let ``entry`` wait behind everything else: how a looped queue goes on."""
        return self._playing()._with_waiting([entry])

    def without_waiting(self, entry: Entry) -> Self:
        """Forget one entry that waits; the caller removes it in the same change.

        ``entry`` must be stored behind the head.
        """
        assert self.head < entry.key
        return self.counting(self.tally.less(Tally.of([entry])))

    def learn(self, before: Entry, after: Entry) -> Self:
        """Take in that an entry has become better known; the caller replaces it in the same change."""
        if before.key <= self.head:
            return self
        return self.counting(self.tally.plus(Tally.of([after])).less(Tally.of([before])))

    def pause(self) -> Self:
        return replace(self._playing(), paused=True)

    def resume(self, voice: ChannelId | None = None) -> Self:
        """Play on. A player that is away comes back, to ``voice`` if that is known."""
        voice = voice if self.away and voice is not None else self.voice_channel_id
        return replace(self._playing(), paused=False, away=False, voice_channel_id=voice)

    def go_away(self) -> Self:
        """Want no player for now, and keep everything for its return."""
        return replace(self._playing(), away=True)

    def set_loop(self, loop: Loop) -> Self:
        return replace(self._playing(), loop=loop)

    def choose(self, settings: GuildSettings) -> Self:
        return replace(self, settings=settings)

    def stop(self) -> Self:
        """Want no player, and let every waiting entry become history."""
        return self._playing()._silence()

    def save_position(self, play_id: PlayId, position_ms: int) -> Self:
        """Remember how far ``play_id`` has come; nothing changes if it is no longer what plays."""
        return replace(self, position_ms=position_ms) if self.play_id == play_id else self

    def after_a_death(self, position_ms: int) -> Self:
        """A worker died that may have been playing this, which was at ``position_ms`` as far as anybody knows."""
        return replace(self, crashes=self.crashes.after_a_death(position_ms)) if self.wants_player else self

    def _check(self, over: PlayId) -> None:
        if self.play_id != over:
            raise AlreadyAdvanced

    def _playing(self) -> Self:
        if not self.is_begun:
            raise NothingPlaying
        return self

    def _with_waiting(self, entries: Sequence[Entry]) -> Self:
        tail = max(self.tail, *(entry.key for entry in entries))
        return replace(self, tail=tail).counting(self.tally.plus(Tally.of(entries)))

    def _start(self, entry: Entry, play_id: PlayId) -> Self:
        here = replace(self, current=entry.key, head=entry.key)
        started = replace(here, play_id=play_id, position_ms=0, crashes=NO_CRASHES, paused=False)
        # What someone else has written may lie behind the tail: a head behind it would be understood by nobody.
        started = replace(started, tail=max(self.tail, entry.key))
        return started.counting(self.tally.less(Tally.of([entry])))

    def _silence(self) -> Self:
        # Nothing waits from here on, also not what was counted and then set aside because it could not be read.
        silent = replace(
            self,
            current=None,
            play_id=None,
            position_ms=0,
            crashes=NO_CRASHES,
            paused=False,
            away=False,
            loop=Loop.OFF,
            voice_channel_id=None,
            head=self.tail,
        )
        return silent.counting(NOTHING)
