"""Small files of the kinds that found faults: many channels, odd orders of them, pictures, fragments, odd times.

Each holds one tone, by which it can be told from everything else that is heard.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np

from tests.integration.sources.bombs import in_fragments
from tests.integration.sources.chained import numbered

HZ = 700.0
SECONDS = 4.0
_CHUNK = 4_800
_AMPLITUDE = 9_000
APPLE_TAG = 124 << 16 | 6
"""The order of channels in Apple's AAC. Source: Apple, Core Audio Data Types, ``kAudioChannelLayoutTag_MPEG_5_1_D``."""


MAY_BE_REFUSED = ("AIFF in Apple's order", "WavPack", "AC-3")
"""By a true sentence."""


def tone(
    container: str,
    codec: str,
    *,
    layout: str = "stereo",
    rate: int = 48_000,
    form: str = "fltp",
    hz: float = HZ,
    seconds: float = SECONDS,
) -> bytes:
    """A file that this machine's FFmpeg writes."""
    return _muxed(container, [(codec, layout, rate, form)], hz, seconds)


def film_of_six_tracks() -> bytes:
    return _muxed("matroska", [("ac3", "stereo", 48_000, "fltp")] * 6)


def in_apples_order() -> bytes:
    """5.1 in the order of Apple's AAC, which FFmpeg takes for a layout of its own kind."""
    data = bytearray(tone("aiff", "pcm_s16be", layout="5.1", form="s16"))
    place = data.index(b"CHAN") + 8
    data[place : place + 4] = struct.pack(">I", APPLE_TAG)
    return bytes(data)


def flac_of_five_pictures() -> bytes:
    """Each picture is another. Source: RFC 9639, 8.8."""
    flac = tone("flac", "flac", form="s16")
    pictures = b""
    for kind in range(3, 8):
        jpeg = _picture(90 + kind)
        body = struct.pack(">II", kind, 10) + b"image/jpeg" + struct.pack(">I", 0)
        body += struct.pack(">IIIII", 90 + kind, 90, 24, 0, len(jpeg)) + jpeg
        pictures += b"\x06" + len(body).to_bytes(3, "big") + body
    head = 4 + 4 + 34  # the magic, and the first block, which has to come first
    return flac[:4] + bytes([flac[4] & 0x7F]) + flac[5:head] + pictures + flac[head:]


def opus_of_a_webm() -> bytes:
    """Ogg whose times were rounded to milliseconds on the way, as ``ffmpeg -i x.webm -c copy x.opus`` makes it."""
    made = io.BytesIO()
    webm = tone("webm", "libopus", form="flt")
    with av.open(io.BytesIO(webm), "r") as source, av.open(made, "w", format="ogg") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None:
                packet.stream = stream
                output.mux(packet)
    return made.getvalue()


def files() -> dict[str, Callable[[], bytes]]:
    """What makes each, by its name. All of them are to be heard."""
    opus = ("ogg", "libopus")
    return {
        "7.1 in AAC": lambda: tone("ipod", "aac", layout="7.1"),
        "7.1 in Opus": lambda: tone(*opus, layout="7.1", form="flt"),
        "5.1 in AAC": lambda: tone("ipod", "aac", layout="5.1"),
        "AIFF in Apple's order": in_apples_order,
        "FLAC with five pictures": flac_of_five_pictures,
        "Opus out of a WebM": opus_of_a_webm,
        "two Opus songs joined": lambda: numbered(tone(*opus, form="flt"), 1) + numbered(tone(*opus, form="flt"), 2),
        "MP4 in fragments": lambda: in_fragments(tone("ipod", "aac"), SECONDS),
        "192 kHz, 24 bits": lambda: tone("wav", "pcm_s24le", rate=192_000, form="s32"),
        "a film of six tracks": film_of_six_tracks,
        "WavPack": lambda: tone("wv", "wavpack", form="s16p"),
        "AC-3": lambda: tone("ac3", "ac3"),
    }


def _muxed(container: str, tracks: list[tuple[str, str, int, str]], hz: float = HZ, seconds: float = SECONDS) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format=container) as output:
        streams = []
        for codec, layout, rate, form in tracks:
            stream = output.add_stream(codec, rate=rate)
            assert isinstance(stream, av.AudioStream)
            stream.layout, stream.format = layout, form
            streams.append((stream, av.AudioResampler(form, layout, rate)))
        for begin in range(0, int(seconds * 48_000), _CHUNK):
            for stream, resampler in streams:
                for frame in resampler.resample(_samples(begin, hz)):
                    output.mux(stream.encode(frame))
        for stream, _ in streams:
            output.mux(stream.encode(None))
    return made.getvalue()


def _samples(begin: int, hz: float) -> av.AudioFrame:
    wave = _AMPLITUDE * np.sin(2 * np.pi * hz * np.arange(begin, begin + _CHUNK) / 48_000)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), 2).reshape(1, -1), "s16", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
    return frame


def _picture(width: int) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mjpeg") as output:
        stream = output.add_stream("mjpeg", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, 90, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.full((90, width, 3), width, dtype=np.uint8), format="rgb24")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return made.getvalue()
