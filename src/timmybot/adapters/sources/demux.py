"""Packets that are passed through: the file's own Opus, untouched."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

import av
import av.error
from av.container import InputContainer

from timmybot.adapters.sources.packets import are_frames, is_frame, plain_stereo
from timmybot.ports.track_source import FRAME_MS, TrackError

BAD_PACKETS = 100
"""How many packets in a row may be unreadable before the file is given up: two seconds of sound."""

LARGEST_PACKET_BYTES = 2 * 1024**2
"""What is larger is no sound: eight channels of FLAC in its largest frames are 1.5 MB. Unpacked, decoded and resampled
it would take twelve times as much memory."""

LOOKED_AT = 8
"""How many packets are looked at to tell how a file is framed."""

_JOINED = frozenset({"mp3", "ogg"})
"""Formats in which songs may stand behind each other, as FFmpeg finds out when it has read so far."""

_CONTAINERS = frozenset({"matroska", "webm", "ogg"})


class Unseekable(Exception):
    """The file cannot be gone to that place in: read it from the beginning instead."""


def plain_opus(container: InputContainer, sound: av.AudioStream) -> bool:
    """Whether the sound is Opus that any decoder plays right from the packets alone."""
    if sound.codec_context.name not in {"opus", "libopus"} or _CONTAINERS.isdisjoint(container.format.name.split(",")):
        return False
    return plain_stereo(sound.codec_context.extradata)


def in_frames(first: Sequence[av.Packet[av.AudioStream]]) -> bool:
    """Whether a file that begins so can be sent as it is."""
    return bool(first) and are_frames([bytes(packet) for packet in first])


def frames(runs: Iterator[Sequence[tuple[float, bytes]]]) -> Generator[list[bytes], None, int | None]:
    """The packets of ``runs``, as long as each is a frame.

    Returns ``None`` at the end; if a packet of another length comes, returns its position in milliseconds, from where
    the sound must be decoded.
    """
    for run in runs:
        frames = [data for _, data in run]
        if are_frames(frames):
            yield frames
            continue
        good = next(number for number, data in enumerate(frames) if not is_frame(data))
        if good:
            yield frames[:good]
        return round(run[good][0] / FRAME_MS) * FRAME_MS
    return None


def packets(container: InputContainer, sound: av.AudioStream) -> Generator[av.Packet[av.AudioStream], None, None]:
    """The sound's packets that are whole. Raises :class:`TrackError` when nothing but broken ones come.

    Close it before the container: else PyAV loses a packet's memory, 140 bytes for good, which hold a page of the heap.
    """
    with closing(container.demux(sound)) as source:  # type: ignore[type-var]  # a generator, whatever its stub says
        bad = 0
        while bad < BAD_PACKETS:
            try:
                packet = next(source)
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except av.error.InvalidDataError:
                bad += 1
                continue
            if packet.pts is None or packet.size == 0:
                continue  # PyAV's mark of the end, and what has no place in time
            if packet.is_corrupt or packet.size > LARGEST_PACKET_BYTES:
                bad += 1
                continue
            bad = 0
            yield packet
        raise TrackError("The file is damaged: I cannot read on from here.")


def seek(container: InputContainer, sound: av.AudioStream, position_ms: int) -> None:
    """Go to shortly before ``position_ms``. Raises :class:`Unseekable`; where we are then is anyone's guess."""
    if container.format.name in _JOINED and position_ms > length_ms(sound):
        raise Unseekable  # it is in another song behind the one that FFmpeg knows of
    assert sound.time_base is not None
    target = (sound.start_time or 0) + int(position_ms / 1000 / sound.time_base)
    try:
        container.seek(target, stream=sound, backward=True, any_frame=False)
    except (av.error.FFmpegError, OSError, TrackError) as error:
        raise Unseekable from error


def timed(
    packets: Iterator[av.Packet[av.AudioStream]], sound: av.AudioStream
) -> Iterator[tuple[float, av.Packet[av.AudioStream]]]:
    """With their places in the track, in milliseconds."""
    start, unit_ms = time_scale(sound)
    for packet in packets:
        assert packet.pts is not None
        yield (packet.pts - start) * unit_ms, packet


def time_scale(sound: av.AudioStream) -> tuple[int, float]:
    """Where the stream's own time begins, in its unit, and how many milliseconds that is."""
    assert sound.time_base is not None
    return sound.start_time or 0, float(sound.time_base * 1000)


def length_ms(sound: av.AudioStream) -> float:
    """What the container says of it; 0 if nothing."""
    return float((sound.duration or 0) * (sound.time_base or 0)) * 1000


def start_ms(sound: av.AudioStream) -> float:
    """Where the stream's own time begins."""
    return float((sound.start_time or 0) * (sound.time_base or 0)) * 1000
