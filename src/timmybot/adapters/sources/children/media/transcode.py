"""Sound that is not passed through: decoded, brought to 48 kHz stereo, filtered, and encoded as 20 ms Opus packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av
import av.error
from av.audio.codeccontext import AudioCodecContext

from timmybot.adapters.sources.children.media.channels import put_in_order, safe
from timmybot.adapters.sources.children.media.demux import BAD_PACKETS
from timmybot.adapters.sources.children.media.effects import HERTZ, SAMPLES, applied
from timmybot.adapters.sources.children.media.opus_encoder import ENCODER_DELAY, new_encoder
from timmybot.adapters.sources.children.media.stereo import resampled
from timmybot.adapters.sources.ramp import Ramp
from timmybot.adapters.sources.refusal import Refusal, Refused
from timmybot.ports.track_source import Sound

LEAD_FRAMES = 3
"""How many frames the encoder is given before the first that is sent, so that it and whoever decoded what came before
agree on how the sound goes on."""

LEAD_SAMPLES = LEAD_FRAMES * SAMPLES - ENCODER_DELAY

Timed = tuple[float, av.AudioFrame]
"""A frame and the place in the track where it begins, in milliseconds."""


def frames(
    decoded: Iterator[Timed], position_ms: float, sound: Sound, ramp: Ramp | None, complexity: Callable[[], int]
) -> Iterator[bytes]:
    """The sound from ``position_ms`` on, to the sample. It may come from earlier on; what it lacks is silent.

    ``complexity`` is libopus's, asked for before each frame.
    """
    encoder = new_encoder()
    lead_ms = LEAD_SAMPLES * 1000 / HERTZ * sound.rate
    pcm = resampled(_from(decoded, position_ms - lead_ms, lead_ms))
    lead, place = LEAD_FRAMES, 0
    for piece in _pieces(applied(pcm, sound, ramp, LEAD_SAMPLES)):
        piece.pts = place
        place += piece.samples
        for packet in encoder.encode(piece, complexity()):
            if lead:
                lead -= 1
            else:
                yield packet
    for packet in encoder.rest():
        if lead:
            lead -= 1
        else:
            yield packet


def decoded_frames(
    packets: Iterator[tuple[float, av.Packet[av.AudioStream]]], decoder: AudioCodecContext, start_ms: float
) -> Iterator[Timed]:
    """``start_ms`` is where the stream's own time begins. Raises :class:`Refused` when nothing but undecodable
    packets come, or frames whose channels PyAV cannot hold."""
    bad = 0
    ordered = put_in_order(decoder)
    for time_ms, packet in packets:
        try:
            decoded = decoder.decode(packet)
        except av.error.InvalidDataError:
            bad += 1
            if bad >= BAD_PACKETS:
                raise Refused(Refusal.UNDECODABLE) from None
            continue
        if decoded:
            bad = 0
        for frame in _held(decoded):
            if frame.samples:
                yield (frame.time * 1000 - start_ms if frame.time is not None else time_ms), ordered(frame)
    try:
        rest = decoder.decode(None)
    except (av.error.EOFError, av.error.InvalidDataError):
        return
    for frame in _held(rest):
        if frame.samples and frame.time is not None:
            yield frame.time * 1000 - start_ms, ordered(frame)


_never_freed: list[av.AudioFrame] = []


def _held(frames: list[av.AudioFrame]) -> list[av.AudioFrame]:
    """Raises :class:`Refused` for frames of channels in an order of the stream's own, which only a decoder can find
    out: freeing one would end the process."""
    for frame in frames:
        if not safe(frame.layout.name):
            _never_freed.extend(frames)
            raise Refused(Refusal.UNKNOWN_FORMAT)
    return frames


def opus_decoded(packets: Iterator[tuple[float, bytes]]) -> Iterator[Timed]:
    """Opus from the packets alone, as whoever listens decodes what is passed through: no container trims it."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate = HERTZ
    decoder.layout = "stereo"
    bad = 0
    for time_ms, data in packets:
        try:
            decoded = decoder.decode(av.Packet(data))
        except av.error.InvalidDataError:
            bad += 1
            if bad >= BAD_PACKETS:
                raise Refused(Refusal.UNDECODABLE) from None
            continue
        bad = 0
        for frame in decoded:
            yield time_ms, frame


def _pieces(pcm: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """20 ms a frame but for the last."""
    fifo = av.AudioFifo()
    for frame in pcm:
        frame.pts = None
        fifo.write(frame)
        yield from fifo.read_many(SAMPLES)
    yield from fifo.read_many(SAMPLES, partial=True)


def _from(decoded: Iterator[Timed], begin_ms: float, pad_ms: float) -> Iterator[av.AudioFrame]:
    """What sounds at ``begin_ms`` or later, to the sample; up to ``pad_ms`` that are missing there are silent."""
    begun = False
    for time_ms, frame in decoded:
        too_early = max(0, round((begin_ms - time_ms) * frame.sample_rate / 1000))
        if too_early >= frame.samples:
            continue
        missing = round(min(time_ms - begin_ms, pad_ms) * frame.sample_rate / 1000)
        if not begun and missing > 0:
            yield _silence_like(frame, missing)
        begun = True
        yield _without_first(too_early, frame) if too_early else frame


def _without_first(samples: int, frame: av.AudioFrame) -> av.AudioFrame:
    fifo = av.AudioFifo()
    frame.pts = None
    fifo.write(frame)
    fifo.read(samples)
    rest = fifo.read(0)
    assert rest is not None
    return rest


def _silence_like(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    silence = av.AudioFrame(format=frame.format.name, layout=frame.layout, samples=samples)
    silence.sample_rate = frame.sample_rate
    zero = b"\x80" if frame.format.name.startswith("u8") else b"\0"
    planes = frame.layout.nb_channels if frame.format.is_planar else 1
    for plane in silence.planes[:planes]:  # of 8 planes PyAV hands out a ninth, which is somebody else's memory
        plane.update(zero * plane.buffer_size)
    return silence
