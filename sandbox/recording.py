"""Melodies as real files, in the formats that people play: encoded by PyAV, no other tool needed."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import av
import numpy as np

from sandbox.melody import SAMPLE_RATE, Melody


class Format(Enum):
    """File name suffix, container, encoder and sample format."""

    WEBM_OPUS = (".webm", "webm", "libopus", "flt")
    OGG_OPUS = (".ogg", "ogg", "libopus", "flt")
    MP3 = (".mp3", "mp3", "libmp3lame", "fltp")
    AAC = (".aac", "adts", "aac", "fltp")
    M4A = (".m4a", "ipod", "aac", "fltp")

    @property
    def suffix(self) -> str:
        return self.value[0]

    @property
    def container(self) -> str:
        return self.value[1]

    @property
    def encoder(self) -> str:
        return self.value[2]

    @property
    def sample_format(self) -> str:
        return self.value[3]


BIT_RATE = 96_000
CHUNK_SAMPLES = 48_000


def record(melody: Melody, directory: Path, format: Format) -> Path:
    """Write the melody as ``<name><suffix>`` into ``directory`` and return the path. Metadata name the title."""
    path = directory / f"{melody.name}{format.suffix}"
    with av.open(str(path), "w", format=format.container) as output:
        output.metadata["title"] = melody.name
        stream = output.add_stream(format.encoder, rate=SAMPLE_RATE)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = BIT_RATE
        stream.layout = "stereo"
        stream.codec_context.format = av.AudioFormat(format.sample_format)
        for frame in _frames(melody, format.sample_format):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def opus_packets(path: Path) -> Iterator[bytes]:
    """The Opus packets inside a WebM or Ogg file."""
    with av.open(str(path)) as source:
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                yield bytes(packet)


def _frames(melody: Melody, sample_format: str) -> Iterator[av.AudioFrame]:
    samples = melody.pcm()
    for begin in range(0, samples.shape[1], CHUNK_SAMPLES):
        part = samples[:, begin : begin + CHUNK_SAMPLES]
        if sample_format == "flt":
            # Packed: one row, left and right in turns.
            part = part.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=sample_format, layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = begin
        yield frame
