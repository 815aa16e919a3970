"""Packets out of a container, and going to a place in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import Final

import av
import av.error
from av.container import InputContainer

from timmybot.adapters.sources.packets import plain_stereo
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable

BAD_PACKETS = 100
"""How many packets in a row may be unreadable before the file is given up: two seconds of sound."""

LARGEST_PACKET_BYTES = 2 * 1024**2
"""What is larger is no sound: eight channels of FLAC in its largest frames are 1.5 MB. Unpacked, decoded and resampled
it would take twelve times as much memory."""

LOOKED_AT = 8
"""How many packets are looked at to tell how a file is framed."""

JUMP_MS: Final = 1_000.0
"""A jump of times that is longer is another clock, not a hole: it is closed."""

_JOINED = frozenset({"mp3", "ogg"})
"""Formats in which songs may stand behind each other, as FFmpeg finds out when it has read so far."""

_CONTAINERS = frozenset({"matroska", "webm", "ogg"})


def plain_opus(container: InputContainer, sound: av.AudioStream) -> bool:
    """Whether the sound is Opus that any decoder plays right from the packets alone."""
    if sound.codec_context.name not in {"opus", "libopus"} or _CONTAINERS.isdisjoint(container.format.name.split(",")):
        return False
    return plain_stereo(sound.codec_context.extradata)


def packets(container: InputContainer, sound: av.AudioStream) -> Generator[av.Packet[av.AudioStream], None, None]:
    """The sound's packets that are whole. Raises :class:`Refused` when nothing but broken ones come.

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
        raise Refused(Refusal.UNREADABLE)


def first_of(source: Iterator[av.Packet[av.AudioStream]], grant: Callable[[], None]) -> list[av.Packet[av.AudioStream]]:
    """The packets that are looked at. ``grant`` is called for each: FLAC's have 100 KB, and are read in a row."""

    def granted() -> Iterator[av.Packet[av.AudioStream]]:
        for packet in islice(source, LOOKED_AT):
            grant()
            yield packet

    return list(granted())


def seek(container: InputContainer, sound: av.AudioStream, position_ms: int) -> None:
    """Go to shortly before ``position_ms``. Raises :class:`Unseekable`; where we are then is anyone's guess."""
    if container.format.name in _JOINED and position_ms > length_ms(sound):
        raise Unseekable  # it is in another song behind the one that FFmpeg knows of
    assert sound.time_base is not None
    target = (sound.start_time or 0) + int(position_ms / 1000 / sound.time_base)
    try:
        container.seek(target, stream=sound, backward=True, any_frame=False)
    except (av.error.FFmpegError, OSError, Refused) as error:
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


def without_jumps(packets: Iterator[av.Packet[av.AudioStream]], unit_ms: float) -> Iterator[av.Packet[av.AudioStream]]:
    """Packets that are to be decoded, with their times moved so that they follow on each other."""
    due: int | None = None
    moved = 0
    for packet in packets:
        assert packet.pts is not None
        if moved:
            packet.pts += moved
        if due is not None and abs(packet.pts - due) * unit_ms > JUMP_MS:
            moved += due - packet.pts
            packet.pts = due
        due = packet.pts + packet.duration if packet.duration else None
        yield packet
