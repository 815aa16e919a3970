"""Sound of any other kind: decoded, brought to 48 kHz stereo, and encoded as 20 ms Opus packets."""

from __future__ import annotations

from collections.abc import Iterator

import av
import av.error
from av.audio.codeccontext import AudioCodecContext

from timmybot.adapters.sources.demux import BAD_PACKETS
from timmybot.ports.track_source import FRAME_MS, TrackError

HERTZ = 48_000
SAMPLES = HERTZ * FRAME_MS // 1000
BITS_PER_SECOND = 128_000
"""Transparent for stereo music, and what a voice channel carries without a boost or above it."""


def frames(source: Iterator[av.Packet[av.AudioStream]], sound: av.AudioStream, position_ms: int) -> Iterator[bytes]:
    """The sound of ``source`` from ``position_ms`` on, to the decoder's frame."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=HERTZ, frame_size=SAMPLES)
    encoder = _encoder()
    place = 0
    for decoded in _from(decoded_frames(source, sound), sound, position_ms):
        decoded.pts = None
        for piece in resampler.resample(decoded):
            yield from _encode(encoder, piece, place)
            place += piece.samples
    for piece in resampler.resample(None):
        yield from _encode(encoder, piece, place)
        place += piece.samples
    yield from (bytes(packet) for packet in encoder.encode(None))


def decoded_frames(source: Iterator[av.Packet[av.AudioStream]], sound: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Raises :class:`TrackError` when nothing but undecodable packets come."""
    bad = 0
    for packet in source:
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            if bad >= BAD_PACKETS:
                raise TrackError("The file is damaged: I cannot decode it from here.") from None
            continue
        if decoded:
            bad = 0
        yield from (frame for frame in decoded if isinstance(frame, av.AudioFrame) and frame.samples)
    try:
        yield from (frame for frame in sound.codec_context.decode(None) if isinstance(frame, av.AudioFrame))
    except (av.error.EOFError, av.error.InvalidDataError):
        return


def _from(decoded: Iterator[av.AudioFrame], sound: av.AudioStream, position_ms: int) -> Iterator[av.AudioFrame]:
    """What sounds at ``position_ms`` or later, to the sample."""
    start_ms = float((sound.start_time or 0) * (sound.time_base or 0)) * 1000
    for frame in decoded:
        begin_ms = frame.time * 1000 - start_ms if frame.time is not None else position_ms
        too_early = max(0, round((position_ms - begin_ms) * frame.sample_rate / 1000)) if position_ms > 0 else 0
        if too_early < frame.samples:
            yield _without_first(too_early, frame) if too_early else frame


def _without_first(samples: int, frame: av.AudioFrame) -> av.AudioFrame:
    fifo = av.AudioFifo()
    frame.pts = None
    fifo.write(frame)
    fifo.read(samples)
    rest = fifo.read(0)
    assert rest is not None
    return rest


def _encoder() -> AudioCodecContext:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate = HERTZ
    encoder.layout = "stereo"
    encoder.format = "s16"
    encoder.bit_rate = BITS_PER_SECOND
    encoder.options = {"frame_duration": str(FRAME_MS), "application": "audio"}
    return encoder


def _encode(encoder: AudioCodecContext, frame: av.AudioFrame, place: int) -> Iterator[bytes]:
    frame.pts = place
    return (bytes(packet) for packet in encoder.encode(frame))
