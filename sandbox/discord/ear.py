"""What a simulated member hears: every frame that reaches them, decoded, and the frequency that rules each 100 ms."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray

from sandbox.discord.rtp import FRAME_SAMPLES, SAMPLE_RATE, Packet

WINDOW_SAMPLES = SAMPLE_RATE // 10
PACKETS_KEPT = 60_000
"""20 minutes of audio."""
WINDOWS_KEPT = 12_000
SILENT_BELOW = 0.003
"""Level (root mean square, full scale is 1) under which a window counts as silence."""
ZERO_PADDING = 4


@dataclass(frozen=True)
class Window:
    """100 ms of sound. ``time`` is when its first packet arrived, ``media`` its place in the stream, in seconds."""

    time: float
    hz: float
    level: float
    media: float = 0.0
    stream: int = 0
    """Windows of one stream number are gapless: their ``media`` differ by 0.1 s."""

    @property
    def is_silent(self) -> bool:
        return self.level < SILENT_BELOW


def dominant_hz(samples: NDArray[np.float32]) -> float:
    """The strongest frequency in a window of mono samples of any length, interpolated between the bins."""
    spectrum = np.abs(np.fft.rfft(samples * _hann(len(samples)), len(samples) * ZERO_PADDING))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend else 0.0
    return float((peak + shift) * SAMPLE_RATE / (len(samples) * ZERO_PADDING))


@lru_cache(maxsize=4)
def _hann(samples: int) -> NDArray[np.float64]:
    return np.hanning(samples)


class Hearing:
    """One speaker, as one member hears them. A gap in the RTP timestamps begins a new stream."""

    def __init__(self) -> None:
        self.packets: deque[Packet] = deque(maxlen=PACKETS_KEPT)
        self.windows: deque[Window] = deque(maxlen=WINDOWS_KEPT)
        self._decoder = new_decoder()
        self._pending: list[NDArray[np.float32]] = []
        self._pending_samples = 0
        self._pending_at = 0.0
        self._media_samples = 0
        self._stream = 0
        self._expected: tuple[int, int] | None = None

    def receive(self, packet: Packet) -> None:
        """Decode a frame. What is not Opus is kept as a packet and heard as nothing."""
        self.packets.append(packet)
        if self._expected != (packet.ssrc, packet.timestamp):
            if self._expected and _is_behind(self._expected, packet):
                return
            self._begin_stream()
        self._expected = (packet.ssrc, (packet.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF)
        for samples in self._decode(packet.opus):
            if not self._pending:
                self._pending_at = packet.at
            self._pending.append(samples)
            self._pending_samples += len(samples)
        if self._pending_samples >= WINDOW_SAMPLES:
            self._measure()

    def _begin_stream(self) -> None:
        self._pending.clear()
        self._pending_samples = self._media_samples = 0
        self._stream += 1

    def _decode(self, opus: bytes) -> list[NDArray[np.float32]]:
        try:
            frames = self._decoder.decode(av.Packet(opus))
            return [_mono(frame) for frame in frames]
        except av.FFmpegError:
            return []

    def _measure(self) -> None:
        samples = np.concatenate(self._pending)
        window, rest = samples[:WINDOW_SAMPLES], samples[WINDOW_SAMPLES:]
        level = float(np.sqrt(np.mean(window**2)))
        hz = dominant_hz(window) if level >= SILENT_BELOW else 0.0
        media = self._media_samples / SAMPLE_RATE
        self.windows.append(Window(self._pending_at, hz, level, media, self._stream))
        self._media_samples += WINDOW_SAMPLES
        self._pending = [rest] if len(rest) else []
        self._pending_samples = len(rest)


@dataclass(eq=False)
class Ear:
    """All that a member hears, by speaker."""

    speakers: dict[int, Hearing] = field(default_factory=dict)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, speaker: int, packet: Packet) -> None:
        """A frame reaches the member. Called by the voice server."""
        self.speakers.setdefault(speaker, Hearing()).receive(packet)
        self._arrived.set()

    @property
    def packets(self) -> list[Packet]:
        """Every packet, in the order of arrival."""
        return sorted((p for hearing in self.speakers.values() for p in hearing.packets), key=lambda p: p.at)

    @property
    def heard(self) -> list[Window]:
        """Every 100 ms of sound (silence too), in the order of time."""
        return sorted((w for hearing in self.speakers.values() for w in hearing.windows), key=lambda w: w.time)

    def clear(self) -> None:
        """Forget what was heard so far; the decoders go on."""
        for hearing in self.speakers.values():
            hearing.packets.clear()
            hearing.windows.clear()

    async def wait_until(self, true: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Wait until something is true of what was heard, asked at each arrival. Raises :class:`TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not true():
                self._arrived.clear()
                await self._arrived.wait()

    async def wait_for_packets(self, count: int, timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Wait until ``count`` packets arrived since the last :meth:`clear`. Raises :class:`TimeoutError`."""
        await self.wait_until(lambda: sum(len(hearing.packets) for hearing in self.speakers.values()) >= count, timeout)

    async def wait_for_sound(self, timeout: float = 10.0, *, seconds: float = 0.1) -> list[Window]:  # noqa: ASYNC109
        """Wait until ``seconds`` of sound (not silence) were heard since the last :meth:`clear`.

        Returns the sounding windows. Raises :class:`TimeoutError`, saying how much was heard.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    sounding = [window for window in self.heard if not window.is_silent]
                    if len(sounding) * WINDOW_SAMPLES >= seconds * SAMPLE_RATE:
                        return sounding
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise TimeoutError(
                f"heard {len(sounding) / 10:.1f} s of sound within {timeout} s, not {seconds} s; "
                f"{len(self.packets)} packets arrived"
            ) from None


def new_decoder() -> av.AudioCodecContext:
    """A decoder of Opus packets to stereo at 48 kHz."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate = SAMPLE_RATE
    decoder.layout = "stereo"
    return decoder


def channels_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """The samples of a decoded frame, of shape (channels, samples), full scale 1."""
    samples = frame.to_ndarray()
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32) / 32768.0
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    return samples.astype(np.float32, copy=False)


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    mixed: NDArray[np.float32] = channels_of(frame).mean(axis=0).astype(np.float32)
    return mixed


def _is_behind(expected: tuple[int, int], packet: Packet) -> bool:
    """A repeated or overtaken packet, which a listener's jitter buffer would drop."""
    ssrc, timestamp = expected
    return packet.ssrc == ssrc and 0 < (timestamp - packet.timestamp) & 0xFFFFFFFF < SAMPLE_RATE
