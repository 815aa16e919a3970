"""Streams of frames that are in memory, and signalling that arranges what the test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.domain.track import Track
from timmybot.ports.track_source import (
    AS_IT_IS,
    FRAME_MS,
    DecoderCrashed,
    FrameStream,
    Gap,
    Loudness,
    Run,
    Sound,
    TrackError,
    TrackSource,
)
from timmybot.ports.voice_signalling import SignallingError, VoiceEvent, VoiceServer, VoiceSignalling


@dataclass
class FakeStream(FrameStream):
    """Gives ``frames`` one by one. While ``behind`` it has nothing yet; it fades at once."""

    frames: Sequence[bytes]
    place: int = 0
    behind: bool = False
    closed: bool = False
    trouble: TrackError | None = None
    sound: Sound = AS_IT_IS
    faded: bool = False
    live: bool = False

    def run(self) -> Run | Gap:
        if self.behind:
            return Gap.NOT_YET
        if self.faded:
            return Gap.FADED
        if self.closed or self.place >= len(self.frames):
            return Gap.END
        return Run(self._take, len(self.frames) - self.place)

    def _take(self) -> bytes:
        if self.behind or self.faded or self.closed:
            raise IndexError
        self.place += 1
        return self.frames[self.place - 1]

    @property
    def failure(self) -> TrackError | None:
        return self.trouble

    @property
    def position_ms(self) -> int:
        return self.place * FRAME_MS

    @property
    def buffered_ms(self) -> int:
        return 0 if self.behind else (len(self.frames) - self.place) * FRAME_MS

    def set_sound(self, sound: Sound) -> None:
        self.sound = sound

    def fade_out(self) -> None:
        self.faded = True

    def fade_in(self) -> None:
        self.faded = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FramesSource(TrackSource):
    """Tracks whose frames are known by their URL."""

    frames: dict[str, Sequence[bytes]] = field(default_factory=dict)
    opened: list[FakeStream] = field(default_factory=list)
    opened_alone: list[bool] = field(default_factory=list)
    """Of each that was opened, whether it was to have a decoder of its own."""
    crashing: set[str] = field(default_factory=set)
    """URLs whose tracks crash their decoder when they are over."""
    dry: bool = False
    """Whether what is opened from now on gives nothing, and does not end either."""

    async def resolve(self, url: str) -> Track:
        return Track(url, title=url)

    async def measure(self, track: Track) -> Loudness | None:
        return None

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FakeStream:
        if track.url in self.frames:
            stream = FakeStream(self.frames[track.url], place=position_ms // FRAME_MS, behind=self.dry, sound=sound)
            stream.trouble = DecoderCrashed("The decoder crashed.") if track.url in self.crashing else None
        else:
            stream = FakeStream([], trouble=TrackError("There is nothing at that address."))
        self.opened.append(stream)
        self.opened_alone.append(alone)
        return stream


@dataclass
class FakeSignalling(VoiceSignalling):
    """Arranges ``server`` for everyone, or refuses with ``refusal``; tests tell the events."""

    endpoint: str = "voice.invalid"
    refusal: str | None = None
    lasting: bool = False
    others: int | None = 1
    asked: list[ChannelId | None] = field(default_factory=list)
    subscribers: list[Callable[[VoiceEvent], None]] = field(default_factory=list)

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> VoiceServer:
        self.asked.append(channel_id)
        if self.refusal is not None:
            raise SignallingError(self.refusal, lasting=self.lasting)
        grant = str(len(self.asked))
        return VoiceServer(guild_id, channel_id, UserId(1), self.endpoint, f"session-{grant}", f"grant-{grant}")

    async def leave(self, guild_id: GuildId) -> None:
        self.asked.append(None)

    def others_in(self, guild_id: GuildId, channel_id: ChannelId) -> int | None:
        return self.others

    def subscribe(self, guild_id: GuildId, heard: Callable[[VoiceEvent], None]) -> Callable[[], None]:
        self.subscribers.append(heard)
        return lambda: self.subscribers.remove(heard) if heard in self.subscribers else None

    def tell(self, event: VoiceEvent) -> None:
        for heard in list(self.subscribers):
            heard(event)
