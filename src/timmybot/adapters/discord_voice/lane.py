"""What one player has to send in each of its slots.

The event loop sets what a lane is to do; the pacing thread does it. Each attribute has one writer at a time and is
replaced whole, which is all the synchronisation that the interpreter lock asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.ports.track_source import FrameStream, Gap

SILENCE_FRAMES: Final = 5
"""How many silent frames end a stretch of sound, so that receivers do not interpolate over what follows.
Source: Discord, Voice Connections, "Voice Data Interpolation"."""
FADE_SLOTS: Final = 12
"""How long a stream may take to fade: it promises some 100 ms for getting to it, and 60 ms for doing it."""
KEEP_ALIVE_SLOTS: Final = 250
"""5 s, as Discord's own clients have it: a NAT may forget a way that nothing has passed for half a minute."""


@dataclass(slots=True)
class Counters:
    """What became of a lane's slots. Written by the pacing thread."""

    sent: int = 0
    """Frames of sound."""
    late: int = 0
    """Slots served, but later than ``LATE_SECONDS``."""
    skipped: int = 0
    """Slots that were over before they could be served: what they would have carried comes in the next one."""
    underrun: int = 0
    """Slots for which the stream had no frame yet."""
    refused: int = 0
    """Frames that could not be encrypted, or datagrams that the socket did not take."""
    unreached: int = 0
    """How often it was heard that nobody listens where they are sent."""
    held: int = 0
    """Slots in which end-to-end keys were being agreed on."""


class Playing:
    """One stream being played."""

    __slots__ = ("broken", "faded", "fading", "left", "over", "paused", "sounded", "still", "stream", "take", "yields")

    def __init__(self, stream: FrameStream, *, paused: bool) -> None:
        self.stream = stream
        self.take: Callable[[], bytes] = _nothing
        self.left = 0
        """How many frames may be taken without another look at the stream. Both are the pacing thread's."""
        self.paused = paused
        """Wanted. The sound fades first; then it is ``still``."""
        self.still = paused
        """Nothing is read."""
        self.over = False
        self.sounded = False
        """A frame of it was taken."""
        self.broken = False
        """Reading it raised, which no stream should."""
        self.yields = False
        """It is to give way to the lane's ``following`` as soon as it has faded."""
        self.faded = False
        """It was asked to fade out, and not to fade in since."""
        self.fading = 0
        """Slots that are left for fading."""

    def pause(self) -> None:
        if not self.paused:
            self.paused = True
            self._fade()

    def resume(self) -> None:
        if self.paused:
            if self.faded:
                self.faded = False
                self.stream.fade_in()
            self.paused = self.still = False

    def give_way(self) -> None:
        """Fade, and let the one that follows begin in the slot after."""
        self.yields = True
        if not self.faded:
            self._fade()

    def _fade(self) -> None:
        self.faded = True
        self.fading = FADE_SLOTS
        self.stream.fade_out()


def _nothing() -> bytes:
    raise IndexError


class Lane:
    """One player's place on the pacer. ``on_over`` is called on the pacing thread when a playing has left the lane."""

    __slots__ = ("_counters", "_idle", "_on_over", "_packets", "_silences", "following", "muted", "playing")

    def __init__(self, on_over: Callable[[Playing], None]) -> None:
        self._packets: PacketStream | None = None
        self.playing: Playing | None = None
        self.following: Playing | None = None
        """What begins in the very slot in which ``playing`` has no more."""
        self.muted = False
        self._counters = Counters()
        self._silences = 0
        self._idle = 0
        """Slots since anything was sent."""
        self._on_over = on_over

    @property
    def packets(self) -> PacketStream | None:
        """Where to send; ``None`` while there is no connection, and nothing is read from the stream then."""
        return self._packets

    @packets.setter
    def packets(self, packets: PacketStream | None) -> None:
        before = self._packets
        if before is not None and packets is not before:
            self._counters, before.counted = self._counters_with(before), before.figures
        self._packets = packets

    @property
    def counters(self) -> Counters:
        """As they are now. For the thread that sets ``packets``."""
        return replace(self._counters) if self._packets is None else self._counters_with(self._packets)

    def _counters_with(self, packets: PacketStream) -> Counters:
        counters, now, before = self._counters, packets.figures, packets.counted
        return replace(
            counters,
            sent=counters.sent + now.sent - before.sent,
            refused=counters.refused + now.refused - before.refused,
            unreached=counters.unreached + now.unreached - before.unreached,
        )

    @property
    def sounds(self) -> bool:
        """Whether a frame of sound is due in each slot."""
        playing = self.playing
        return self._packets is not None and not self.muted and playing is not None and not playing.still

    def serve(self) -> None:
        """Serve one slot. Called by the pacing thread, 50 times a second: every object that it looks at counts."""
        packets = self._packets
        if packets is None or self.muted:
            return
        if packets.held:
            self._counters.held += 1
            packets.pass_over()
            return
        playing = self.playing
        if playing is None or playing.still:
            if not self._catches_up(playing):
                self._rest(packets)
                return
            playing = self.playing
            assert playing is not None
        left = playing.left
        if left and not playing.faded:
            playing.left = left - 1
            take = playing.take  # Python finds what it calls at once in a variable, in a slot by a search
            try:
                frame = take()
            except IndexError:
                self._look(packets, playing)
                return
            try:
                packets.send(frame)
            except (ValueError, RuntimeError):
                self._lose(packets)
        else:
            self._look(packets, playing)

    def late(self) -> None:
        """This slot was served late."""
        self._counters.late += 1

    def hush(self) -> None:
        """End the sound for good: send at once what silence is still due. Nothing plays here any more."""
        while self._packets is not None and not self.muted and self._silences:
            self._silences -= 1
            self._packets.send_silence()

    def skip(self, slots: int) -> None:
        """These slots are over and were not served."""
        if self._packets is not None and not self.muted:
            self._packets.pass_over(slots)
            if self.playing is not None and not self.playing.still:
                self._counters.skipped += slots

    def breaks(self) -> None:
        """Serving it raised: end the playing, so that somebody hears of it."""
        playing = self.playing
        if playing is None or playing.over:
            self.muted = True
            return
        playing.broken = True
        self._end(playing)

    def _look(self, packets: PacketStream, playing: Playing) -> None:
        """See what the stream has, and send its next frame."""
        run = playing.stream.run()
        if isinstance(run, Gap):
            playing.left = 0
            if self._without_frame(playing, run):
                self.serve()
            else:
                self._rest(packets)
            return
        playing.take, playing.left = run.take, run.frames - 1
        if playing.faded:
            playing.left = 0
            self._count_fading(playing)
        self._silences = SILENCE_FRAMES
        self._idle = 0
        try:
            frame = run.take()
        except IndexError:  # closed at this very moment
            self._rest(packets)
            return
        playing.sounded = True
        try:
            packets.send(frame)
        except (ValueError, RuntimeError):
            self._lose(packets)

    def _lose(self, packets: PacketStream) -> None:
        """The keys have just gone: this frame is lost, and nothing went out in its slot."""
        packets.pass_over()
        self._counters.refused += 1

    def _without_frame(self, playing: Playing, gap: Gap) -> bool:
        """The stream gave no frame. Returns whether another one has taken its place."""
        if gap is Gap.END or playing.yields:
            self._end(playing)
            return self.playing is not playing
        if gap is Gap.FADED and playing.paused:
            playing.still = True
            return False
        if playing.faded:
            self._count_fading(playing)
        else:
            self._counters.underrun += 1
        return False

    def _catches_up(self, playing: Playing | None) -> bool:
        """What plays is silent. Returns whether what follows has taken its place: the loop said so in the very moment
        in which what gives way ended or fell silent, and nobody would look at the two again."""
        following = self.following
        if following is None or (playing is not None and not (playing.over or playing.yields)):
            return False
        if playing is None or playing.over:
            self._follow(following)
        else:
            self._end(playing)
        return not (self.playing is None or self.playing.still)

    def _follow(self, following: Playing) -> None:
        self.playing = following
        if self.following is following:  # else the loop has just said otherwise
            self.following = None

    def _count_fading(self, playing: Playing) -> None:
        """A stream that does not fade in time is cut off."""
        playing.fading -= 1
        if playing.fading <= 0:
            if playing.yields:
                self._end(playing)
            elif playing.paused:
                playing.still = True

    def _end(self, playing: Playing) -> None:
        playing.over = playing.still = True
        following = self.following
        if following is not None:
            self._follow(following)
        self._on_over(playing)

    def _rest(self, packets: PacketStream) -> None:
        """A slot without sound."""
        if self._silences:
            self._silences -= 1
            self._idle = 0
            packets.send_silence()
            return
        packets.pass_over()
        self._idle += 1
        if self._idle >= KEEP_ALIVE_SLOTS:
            self._idle = 0
            with suppress(OSError):  # the websocket will know if it is more than this one datagram
                packets.keep_alive()
