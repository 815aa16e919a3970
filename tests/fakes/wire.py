"""What a lane sends over, in memory."""

from __future__ import annotations

from timmybot.adapters.discord_voice.rtp import SAMPLES_PER_FRAME, SILENCE, PacketStream


class Wire(PacketStream):
    """Keeps what was sent (several may share ``frames``), when by its own ``now``, and with which RTP time stamp.

    While it ``refuses`` it takes nothing; while its far end has ``gone``, every other frame is lost without a word, and
    the next one brings the news.
    """

    def __init__(self, frames: list[bytes] | None = None) -> None:
        super().__init__()
        self.now = 0.0
        self.times: list[float] = []
        self.frames: list[bytes] = [] if frames is None else frames
        self.timestamps: list[int] = []
        self.refuses = self.gone = False
        self._timestamp = 2**32 - 5 * SAMPLES_PER_FRAME
        self._refused = self._datagrams = self._unreached = 0

    @property
    def datagrams(self) -> int:
        return self._datagrams

    @property
    def refused(self) -> int:
        return self._refused

    @property
    def unreached(self) -> int:
        return self._unreached

    def send(self, frame: bytes) -> None:
        if self.end_to_end is not None and frame is not SILENCE:
            frame = self.end_to_end(frame)
        timestamp, self._timestamp = self._timestamp, (self._timestamp + SAMPLES_PER_FRAME) % 2**32
        self._datagrams += 1
        if self.refuses:
            self._refused += 1
            return
        if self.gone:
            news = self._datagrams % 2 == 0
            self._refused += news
            self._unreached += news
            return
        self.times.append(self.now)
        self.frames.append(frame)
        self.timestamps.append(timestamp)

    def keep_alive(self) -> None:
        if self.refuses:
            raise BlockingIOError
        self.times.append(self.now)
        self.frames.append(bytes(8))
        self.timestamps.append(self._timestamp)

    def pass_over(self, slots: int = 1) -> None:
        self._timestamp = (self._timestamp + slots * SAMPLES_PER_FRAME) % 2**32

    @property
    def gaps(self) -> list[float]:
        """Between what was sent, in seconds."""
        return [round(later - sooner, 6) for sooner, later in zip(self.times, self.times[1:], strict=False)]

    @property
    def slots_between(self) -> list[int]:
        """The same by the time stamps, in slots."""
        return [
            (later - sooner) % 2**32 // SAMPLES_PER_FRAME
            for sooner, later in zip(self.timestamps, self.timestamps[1:], strict=False)
        ]
