"""The file that everybody plays: an hour of Opus in WebM, 128 kb/s at a constant rate, so 320 bytes a frame.

Encoding an hour would take a minute. Ten seconds are encoded and their packets written again and again: what is
measured copies packets or, where it decodes, does not care for the seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SAMPLE_RATE = 48_000
ENCODED_SECONDS = 10
BIT_RATE = 128_000
FRAME_BYTES = BIT_RATE // 8 // 50


@dataclass(frozen=True)
class _Kind:
    container: str
    encoder: str
    form: str
    options: tuple[tuple[str, str], ...] = ()


_OPUS = _Kind("webm", "libopus", "flt", (("vbr", "off"),))
_MP3 = _Kind("mp3", "libmp3lame", "fltp")


def opus(directory: Path) -> Path:
    """The song, an hour of it. Kept if it is there."""
    return _written(directory / "song.webm", _OPUS, 3600)


def mp3(directory: Path) -> Path:
    """Ten minutes of the same as MP3: what cannot be passed through."""
    return _written(directory / "song.mp3", _MP3, 600)


def _written(path: Path, kind: _Kind, seconds: int) -> Path:
    if path.exists():
        return path
    unfinished = path.with_suffix(".unfinished")
    with av.open(str(unfinished), "w", format=kind.container) as output:
        stream = output.add_stream(kind.encoder, rate=SAMPLE_RATE, options=dict(kind.options))
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = BIT_RATE
        stream.layout = "stereo"
        stream.codec_context.format = av.AudioFormat(kind.form)
        packets = [(packet, bytes(packet)) for packet in stream.encode(_sound(kind.form)) if packet.size]
        length = packets[1][0].pts - packets[0][0].pts  # type: ignore[operator]  # encoders give every packet a time
        time_base = packets[0][0].time_base or Fraction(1, SAMPLE_RATE)
        for number in range(len(packets) * (seconds // ENCODED_SECONDS)):
            packet = av.Packet(packets[number % len(packets)][1])
            packet.stream, packet.time_base = stream, time_base
            packet.pts = packet.dts = number * length
            packet.duration = length
            packet.is_keyframe = True
            output.mux(packet)
    unfinished.rename(path)
    return path


def _sound(form: str) -> av.AudioFrame:
    """A chord in noise, so that no encoder finds anything to save."""
    seconds = np.arange(ENCODED_SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(1).normal(0.0, 0.05, (2, len(seconds)))
    chord = sum(0.1 * np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 277.2, 329.6))
    samples = (noise + chord).astype(np.float32)
    if form == "flt":
        samples = samples.T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format=form, layout="stereo")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = 0
    return frame
