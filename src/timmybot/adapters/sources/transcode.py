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
    """The sound of ``source`` from ``position_ms`` on, to the sample."""
    encoder = _encoder()
    place = 0
    for piece in _pieces(_from(decoded_frames(source, sound), sound, position_ms)):
        piece.pts = place
        place += piece.samples
        yield from (bytes(packet) for packet in encoder.encode(piece))
    yield from (bytes(packet) for packet in encoder.encode(None))


def _pieces(sound: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """48 kHz stereo, 20 ms a frame but for the last."""
    fifo = av.AudioFifo()
    for frame in _resampled(sound):
        frame.pts = None
        fifo.write(frame)
        yield from fifo.read_many(SAMPLES)
    yield from fifo.read_many(SAMPLES, partial=True)


def _resampled(sound: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """48 kHz stereo, of any length; a file may change its format on the way, and a resampler knows only one."""
    resampler: av.AudioResampler | None = None
    kind: object = None
    for frame in sound:
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            yield from _rest(resampler)
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=HERTZ)
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        assert resampler is not None
        frame.pts = None
        yield from resampler.resample(frame)
    yield from _rest(resampler)


def _rest(resampler: av.AudioResampler | None) -> Iterator[av.AudioFrame]:
    if resampler is not None:
        yield from resampler.resample(None)


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
