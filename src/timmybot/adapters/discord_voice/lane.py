"""What one player has to send in each of its slots.

The event loop sets what a lane is to do; the pacing thread does it. Each attribute has one writer at a time and is
replaced whole, which is all the synchronisation that the interpreter lock asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from timmybot.adapters.discord_voice.rtp import SILENCE, PacketStream
from timmybot.ports.track_source import FRAME_MS, FrameStream, Gap

SILENCE_FRAMES: Final = 5
"""How many silent frames end a stretch of sound, so that receivers do not interpolate over what follows.
Source: Discord, Voice Connections, "Voice Data Interpolation"."""


@dataclass
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
    """Datagrams that the socket did not take."""


class Playing:
    """One stream being played, and how far it has come."""

    __slots__ = ("frames_sent", "over", "paused", "read", "start_ms", "stream")

    def __init__(self, stream: FrameStream, start_ms: int, *, paused: bool) -> None:
        self.stream = stream
        self.read = stream.read
        self.start_ms = start_ms
        self.paused = paused
        self.frames_sent = 0
        self.over = False

    @property
    def position_ms(self) -> int:
        return self.start_ms + self.frames_sent * FRAME_MS


class Lane:
    """One player's place on the pacer. ``on_over`` is called on the pacing thread when a stream has ended."""

    __slots__ = ("_on_over", "_silences", "counters", "muted", "packets", "playing")

    def __init__(self, on_over: Callable[[Playing], None]) -> None:
        self.packets: PacketStream | None = None
        """Where to send; ``None`` while there is no connection, and nothing is read from the stream then."""
        self.playing: Playing | None = None
        self.muted = False
        self.counters = Counters()
        self._silences = 0
        self._on_over = on_over

    def serve(self) -> None:
        """Serve one slot. Called by the pacing thread, 50 times a second: every line of it counts."""
        packets = self.packets
        if packets is None or self.muted:
            return
        playing = self.playing
        if playing is not None and not (playing.paused or playing.over):
            frame = playing.read()
            if frame.__class__ is bytes:
                playing.frames_sent += 1
                self.counters.sent += 1
                self._silences = SILENCE_FRAMES
                self._send(packets, frame)
                return
            if frame is Gap.END:
                playing.over = True
                self._on_over(playing)
            else:
                self.counters.underrun += 1
        if self._silences:
            self._silences -= 1
            self._send(packets, SILENCE)
        else:
            packets.pass_over()

    def skip(self, slots: int) -> None:
        """These slots are over and were not served."""
        if self.packets is not None and not self.muted:
            self.packets.pass_over(slots)
            if self.playing is not None and not (self.playing.paused or self.playing.over):
                self.counters.skipped += slots

    def _send(self, packets: PacketStream, frame: bytes) -> None:
        try:
            packets.send(frame)
        except OSError:  # a full buffer or an unreachable host: this one is lost, the websocket knows of the rest
            self.counters.refused += 1
