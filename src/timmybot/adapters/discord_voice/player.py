"""The player of one guild: what it is told to play, and how that goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from timmybot.adapters.discord_voice.lane import Counters, Lane, Playing
from timmybot.adapters.discord_voice.pacer import Pacer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackSource
from timmybot.ports.voice import Ending, PlayerStatus


@dataclass(frozen=True)
class _Over:
    """How a playing ended."""

    ending: Ending
    trouble: str | None


class VoicePlayer:
    """A ``Player``. ``make_presence`` is given what to call with where sound goes, and when its own state changed.

    A muted player sends nothing until it is told to ``play`` or ``resume`` again.
    """

    def __init__(
        self,
        *,
        source: TrackSource,
        pacer: Pacer,
        make_presence: Callable[[Callable[[PacketStream | None], None], Callable[[], None]], Presence],
        changed: Callable[[], None],
    ) -> None:
        self._source = source
        self._pacer = pacer
        self._changed = changed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lane = Lane(self._stream_over)
        self._presence = make_presence(lambda packets: pacer.carry(self._lane, packets), changed)
        self._play_id: PlayId | None = None
        self._over: _Over | None = None

    @property
    def counters(self) -> Counters:
        return self._lane.counters

    def status(self) -> PlayerStatus:
        playing, over, presence = self._lane.playing, self._over, self._presence
        return PlayerStatus(
            channel_id=presence.channel_id,
            play_id=self._play_id,
            position_ms=playing.position_ms if playing else 0,
            paused=playing.paused if playing else False,
            ending=over.ending if over else None,
            trouble=presence.trouble or (over.trouble if over else None),
            kicked=presence.kicked,
            moved=presence.moved,
        )

    async def join(self, channel_id: ChannelId) -> None:
        await self._presence.join(channel_id)

    async def play(self, play_id: PlayId, track: Track, *, position_ms: int, paused: bool) -> None:
        self._loop = asyncio.get_running_loop()
        playing = Playing(self._source.open(track, position_ms=position_ms), position_ms, paused=paused)
        self._replace(playing)
        self._play_id = play_id
        self._lane.muted = False

    def pause(self) -> None:
        if self._lane.playing is not None:
            self._lane.playing.paused = True

    def resume(self) -> None:
        self._lane.muted = False
        if self._lane.playing is not None:
            self._lane.playing.paused = False

    def mute(self) -> None:
        self._lane.muted = True

    async def leave(self) -> None:
        self._forget()
        await self._presence.leave()

    async def close(self) -> None:
        """Let everything go without telling Discord."""
        self._forget()
        await self._presence.close()

    def _forget(self) -> None:
        self._replace(None)
        self._play_id = None
        self._lane.muted = False

    def _replace(self, playing: Playing | None) -> None:
        before, self._lane.playing = self._lane.playing, playing
        self._over = None
        if before is not None:
            before.stream.close()

    def _stream_over(self, playing: Playing) -> None:
        """Called on the pacing thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end, playing)

    def _end(self, playing: Playing) -> None:
        if playing is not self._lane.playing:
            return
        failure = playing.stream.failure
        self._over = _Over(Ending.FAILED, str(failure)) if failure else _Over(Ending.FINISHED, None)
        self._changed()
