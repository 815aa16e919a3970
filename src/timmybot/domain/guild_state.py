"""The wanted state of one guild's player, and the changes that commands make to it.

A :class:`GuildState` is what the guild wants: which entry is to be heard where. It holds no entry itself: it points
into the queue with order keys. Entries up to ``head`` have been played (they are history); those behind it, up to
``tail``, wait. So a command changes a constant amount however long the queue is.

Every method returns the changed state and leaves the old one as it was. None of them looks at a clock or draws a random
number: new identifiers are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from timmybot.domain.errors import AlreadyAdvanced, NothingPlaying, PlayingElsewhere, QueueFull
from timmybot.domain.ids import ChannelId, Epoch, InteractionId, OrderKey, PlayId
from timmybot.domain.order_key import START
from timmybot.domain.track import Entry

RECENT_INTERACTIONS = 16
"""How many interaction ids are remembered. Discord repeats a delivery within seconds, if at all."""


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
    paused: bool = False
    generation: int = 0
    head: OrderKey = START
    tail: OrderKey = START
    waiting: int = 0
    """How many entries are behind the head."""
    version: int = 0
    """Raised by every write; a write that read an older one is refused."""
    epoch: Epoch = Epoch(0)
    """The highest epoch under which a worker has claimed this guild."""
    recent: tuple[InteractionId, ...] = ()
    """The interactions whose commands were carried out last, oldest first."""

    @property
    def wants_player(self) -> bool:
        return self.current is not None

    def has_seen(self, interaction_id: InteractionId) -> bool:
        return interaction_id in self.recent

    def remember(self, interaction_id: InteractionId) -> Self:
        return replace(self, recent=(*self.recent, interaction_id)[-RECENT_INTERACTIONS:])

    def enqueue(self, entry: Entry, *, voice: ChannelId, text: ChannelId, play_id: PlayId, limit: int) -> Self:
        """Append ``entry``, whose key must come after the tail; start it as ``play_id`` if nothing is playing.

        Raises :class:`PlayingElsewhere` and :class:`QueueFull`.
        """
        if self.wants_player and self.voice_channel_id != voice:
            assert self.voice_channel_id is not None
            raise PlayingElsewhere(self.voice_channel_id)
        if self.waiting >= limit:
            raise QueueFull(limit)
        queued = replace(self, voice_channel_id=voice, text_channel_id=text, tail=entry.key, waiting=self.waiting + 1)
        return queued if self.wants_player else queued._start(entry, play_id)

    def advance(self, over: PlayId, to: Entry | None, play_id: PlayId) -> Self:
        """End the playing ``over`` and start the entry behind it, or want no player when there is none.

        Raises :class:`AlreadyAdvanced` when ``over`` is no longer what plays: of two skips at one moment, or of a skip
        and a natural end, one advances.
        """
        if self.play_id != over:
            raise AlreadyAdvanced
        return self._start(to, play_id) if to else self._silence()

    def without_waiting(self, key: OrderKey) -> Self:
        """Forget one entry that waits; the caller removes it in the same change.

        ``key`` must name an entry that exists and lies behind the head.
        """
        assert self.head < key <= self.tail
        return replace(self, waiting=self.waiting - 1)

    def pause(self) -> Self:
        return replace(self._playing(), paused=True)

    def resume(self) -> Self:
        return replace(self._playing(), paused=False)

    def stop(self) -> Self:
        """Want no player, and let every waiting entry become history."""
        return self._playing()._silence()

    def save_position(self, play_id: PlayId, position_ms: int) -> Self:
        """Remember how far ``play_id`` has come; nothing changes if it is no longer what plays."""
        return replace(self, position_ms=position_ms) if self.play_id == play_id else self

    def _playing(self) -> Self:
        if not self.wants_player:
            raise NothingPlaying
        return self

    def _start(self, entry: Entry, play_id: PlayId) -> Self:
        return replace(
            self,
            current=entry.key,
            head=entry.key,
            waiting=self.waiting - 1,
            play_id=play_id,
            position_ms=0,
            paused=False,
        )

    def _silence(self) -> Self:
        # Nothing waits from here on, also not what was counted and then set aside because it could not be read.
        return replace(
            self,
            current=None,
            play_id=None,
            position_ms=0,
            paused=False,
            voice_channel_id=None,
            head=self.tail,
            waiting=0,
        )
