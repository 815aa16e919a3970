"""The player of one guild: what it is told to play, and how that goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from timmybot.adapters.discord_voice.lane import Counters, Lane, Playing
from timmybot.adapters.discord_voice.outcome import Outcome, ended_unseen, is_spent, outcome_of
from timmybot.adapters.discord_voice.pacer import Pacer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.adapters.discord_voice.unopened import opened
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.clock import Clock
from timmybot.ports.track_source import AS_IT_IS, Sound, TrackSource
from timmybot.ports.voice import Ending, PlayerStatus

ENDS_SOON_MS: Final = 10_000
"""How long before its end a track's successor is asked for: long enough to open a slow one."""
_STALE_PAUSE_SECONDS: Final = 30.0
"""After so long a pause a live stream is opened anew, rather than play what is old."""
_MOST_NOTICES: Final = 5

MakePresence = Callable[
    [Callable[[PacketStream | None], None], Callable[[], None], Callable[[str], None]],
    Presence,
]


@dataclass(frozen=True)
class _Prepared:
    track: Track
    playing: Playing


class VoicePlayer:
    """A ``Player``. ``make_presence`` is given what to call with where sound goes, when its own state changed, and with
    what the text channel should hear.

    A muted player sends nothing until it is told to ``play`` or ``resume`` again.
    """

    def __init__(
        self,
        *,
        source: TrackSource,
        pacer: Pacer,
        clock: Clock,
        make_presence: MakePresence,
        changed: Callable[[], None],
    ) -> None:
        self.lane = Lane(self._left_lane)
        self.presence = make_presence(lambda packets: pacer.carry(self.lane, packets), changed, self.tell)
        self.stuck = False
        """The watchdog is at its wits' end."""
        self.alone_seconds = 0.0
        self._source = source
        self._pacer = pacer
        self._clock = clock
        self._changed = changed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._play_id: PlayId | None = None
        self._track: Track | None = None
        self._current: Playing | None = None
        """What it was last told to play. The lane may be fading out of the one before, or be at the next already."""
        self.turn = 0
        """Another one for each stream that may take its time to begin; not for one that the watchdog opened again."""
        self._prepared: _Prepared | None = None
        self._told_of_end: Playing | None = None
        self._over: Outcome | None = None
        self._sound = AS_IT_IS
        self._alone = False
        self._paused_at: float | None = None
        self._notices: tuple[str, ...] = ()

    @property
    def counters(self) -> Counters:
        return self.lane.counters

    def status(self) -> PlayerStatus:
        current, over, presence = self._current, self._over, self.presence
        return PlayerStatus(
            channel_id=presence.channel_id,
            play_id=self._play_id,
            position_ms=current.stream.position_ms if current else 0,
            sound=self._sound if current else AS_IT_IS,
            paused=current.paused if current else False,
            alone=self._alone if current else False,
            ending=over.ending if over else None,
            trouble=presence.trouble or (over.trouble if over else None),
            kicked=presence.kicked,
            connected_seconds=presence.connected_seconds,
            moved=presence.moved,
            given_up=presence.given_up,
            lasting=presence.given_up and presence.lasting,
            away=presence.given_up and presence.away,
            muted=self.lane.muted,
            stuck=self.stuck,
            alone_seconds=self.alone_seconds,
            ends_soon=self._ends_soon(),
            notices=self._notices,
        )

    async def join(self, channel_id: ChannelId) -> None:
        await self.presence.join(channel_id)

    async def play(
        self,
        play_id: PlayId,
        track: Track,
        *,
        position_ms: int,
        paused: bool,
        sound: Sound = AS_IT_IS,
        alone: bool = False,
    ) -> None:
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self.turn += 1
        self._sound = sound
        playing = None if alone else self._prepared_for(track, position_ms)
        if playing is None:
            playing = Playing(opened(self._source, track, position_ms, sound, alone=alone), paused=paused)
        else:
            playing.stream.set_sound(sound)
        self._take(playing)
        self._play_id, self._track = play_id, track
        self.lane.muted = self.stuck = False
        if paused:
            self.pause()
        self._confirm(playing)

    def prepare(self, track: Track | None, sound: Sound = AS_IT_IS) -> None:
        prepared, current = self._prepared, self._current
        if prepared is not None and prepared.track == track:
            if not is_spent(prepared.playing):  # else it is opened again when its turn comes
                prepared.playing.stream.set_sound(sound)
            return
        self._drop_prepared()
        if track is None or (current is not None and current.over):
            return
        self._loop = asyncio.get_running_loop()
        playing = Playing(opened(self._source, track, 0, sound), paused=False)
        self._prepared = _Prepared(track, playing)
        if current is not None and self.lane.playing is current:
            self.lane.following = playing

    def set_sound(self, sound: Sound) -> None:
        self._sound = sound
        if self._current is not None:
            self._current.stream.set_sound(sound)

    def pause(self) -> None:
        if self._current is not None and not self._current.paused:
            self._current.pause()
            self._paused_at = self._clock.monotonic()

    def resume(self) -> None:
        self.lane.muted = False
        current, since, self._paused_at = self._current, self._paused_at, None
        if current is None or not current.paused:
            return
        if current.stream.live and since is not None and self._clock.monotonic() - since > _STALE_PAUSE_SECONDS:
            self.turn += 1
            self.reopen()
            return
        current.resume()

    def mute(self) -> None:
        self.lane.muted = True

    def heard(self, notices: tuple[str, ...]) -> None:
        """These have been told to the text channel."""
        self._notices = tuple(notice for notice in self._notices if notice not in notices)

    async def leave(self) -> None:
        may_send = not self.lane.muted
        self._forget()
        if may_send:
            self._pacer.hush(self.lane)
        await self.presence.leave()

    async def close(self) -> None:
        """Let everything go without telling Discord."""
        self._forget()
        await self.presence.close()

    # -- for the watchdog ----------------------------------------------------------------------------------------

    def look_ahead(self) -> None:
        """Say once that what plays is about to end."""
        if self._told_of_end is not self._current and self._ends_soon():
            self._told_of_end = self._current
            self._changed()

    @property
    def should_sound(self) -> bool:
        """Whether frames are due: it is told to play, is connected, and neither paused nor silenced.

        By what it was told, whatever its lane has: a track that is lost between the two is to be noticed.
        """
        current, lane = self._current, self.lane
        if current is None or self._over is not None or current.paused:
            return False
        return lane.packets is not None and not lane.muted

    @property
    def has_sounded(self) -> bool:
        """Whether a frame of what it plays was taken."""
        return self._current is not None and self._current.sounded

    @property
    def is_lost(self) -> bool:
        """Whether its lane will never come to what it was told to play, although nobody heard of an end."""
        current, lane = self._current, self.lane
        if current is None or self._over is not None:
            return False
        return current.over or (current is not lane.playing and current is not lane.following)

    @property
    def pursued(self) -> bool:
        """Whether it would sound but for its connection, which is being mended."""
        current = self._current
        return current is not None and not (current.still or self.lane.muted) and self.presence.is_mending

    @property
    def is_held_for_nobody(self) -> bool:
        """Whether frames wait for the keys of a call in which there are bots alone.

        Some never take part in end-to-end encryption; another connection would wait for them as this one does.
        """
        packets = self.lane.packets
        return packets is not None and packets.held and self.presence.others() == 0

    def be_stuck(self) -> None:
        self.stuck = True
        self._changed()

    def reopen(self) -> None:
        """Open the track again where it is."""
        if self._current is not None and self._track is not None and self._over is None:
            position_ms = self._current.stream.position_ms
            stream = opened(self._source, self._track, position_ms, self._sound, alone=self._alone)
            self._take(Playing(stream, paused=False), at_once=True)

    def fail(self, sentence: str, ending: Ending = Ending.FAILED) -> None:
        """End what is played, as it cannot be."""
        if self._current is not None and self._over is None:
            self._current.still = True
            self._over = Outcome(ending, sentence)
            self._changed()

    def tell(self, sentence: str) -> None:
        """Have the text channel told."""
        if sentence not in self._notices:
            self._notices = (*self._notices[-_MOST_NOTICES + 1 :], sentence)
            self._changed()

    # -- how -----------------------------------------------------------------------------------------------------

    def _prepared_for(self, track: Track, position_ms: int) -> Playing | None:
        """What was prepared, if it is what is wanted and not spent: what failed before its turn may be well by now."""
        prepared = self._prepared
        if prepared is None or prepared.track != track or position_ms or is_spent(prepared.playing):
            return None
        self._prepared = None
        return prepared.playing

    def _confirm(self, playing: Playing) -> None:
        """See whether it was heard to its end before its turn was confirmed."""
        ended = ended_unseen(playing)
        if ended is not None:
            self._over = ended
            self._changed()

    def _ends_soon(self) -> bool:
        """Whether the next track should be prepared now."""
        current, track = self._current, self._track
        if current is None or track is None or track.duration_ms is None or self._over:
            return False
        return track.duration_ms - current.stream.position_ms <= ENDS_SOON_MS

    def _take(self, playing: Playing, *, at_once: bool = False) -> None:
        """Have the lane play this from now on: after a fade, if something sounds there."""
        lane, before = self.lane, self._current
        self._current, self._over, self._paused_at = playing, None, None
        if self._prepared is not None and self._prepared.playing is not playing:
            self._drop_prepared()
        here = lane.playing
        if here is playing:
            return
        if here is not None and lane.sounds and not at_once:
            lane.following = playing
            here.give_way()
        else:
            lane.playing, lane.following = playing, None
            if here is not None:
                here.stream.close()
        if before is not None and before not in (here, lane.playing, lane.following):
            before.stream.close()

    def _drop_prepared(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            return
        if self.lane.following is prepared.playing:
            self.lane.following = None
        if self.lane.playing is not prepared.playing:  # else it goes when it gives way
            prepared.playing.stream.close()

    def _forget(self) -> None:
        self._drop_prepared()
        lane, held = self.lane, {self.lane.playing, self.lane.following, self._current}
        lane.playing = lane.following = self._current = None
        for playing in held - {None}:
            assert playing is not None
            playing.stream.close()
        self._play_id = self._track = self._over = self._told_of_end = None
        self._notices = ()
        self.alone_seconds = 0.0
        lane.muted = self.stuck = False

    def _left_lane(self, playing: Playing) -> None:
        """Called on the pacing thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end, playing)

    def _end(self, playing: Playing) -> None:
        over = outcome_of(playing)
        playing.stream.close()
        if playing is not self._current:
            if self._prepared is not None and self.lane.playing is self._current:
                self.lane.following = self._prepared.playing  # which had to wait for this one's fading
            return
        self._over = over
        self._changed()
