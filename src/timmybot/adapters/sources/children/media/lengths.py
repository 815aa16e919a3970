"""How long a file's sound is: the time that will be heard, not what its header or FFmpeg's guess says.

FFmpeg computes a length that no header tells from the first packets' bit rate, gives a fragment's length for that of an
MP4 in fragments, and counts from 0 in a file whose clock begins later. Then the packets are counted, or the last one
is looked up, where that costs little; elsewhere the length is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Final, TypeAlias

import av
from av.container import InputContainer

from timmybot.adapters.sources.children.media import mp3
from timmybot.adapters.sources.children.media.containers import begins_behind, tells_its_length
from timmybot.adapters.sources.children.media.demux import first_of, packets, seek, start_ms, timed
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.refusal import Refused, Unseekable

Packet: TypeAlias = "av.Packet[av.AudioStream]"

LONGEST_MS: Final = 7 * 24 * 3600 * 1000
"""A duration past this is a damaged header, not music."""

SMALL_BYTES: Final = mp3.LARGE_BYTES
"""What is smaller is read to its end to count its packets."""

NEAR_BYTES: Final = 8 * 1024**2
"""So far from a file's end its last fragment may begin: ten seconds of a film."""

LATE_MS: Final = 1_000.0
"""A clock that begins later than this does not begin at 0."""

_COMPUTED: Final = frozenset({"aac"})
"""Formats that have no place for a length."""

_PERHAPS_COMPUTED: Final = frozenset({"asf"})
"""Formats of which FFmpeg does not say whether the length is theirs: WMA has one only if its writer could go back."""


def duration_ms(
    container: InputContainer, sound: av.AudioStream, file: RemoteFile, first: Sequence[Packet], rest: Iterator[Packet]
) -> int | None:
    """``None`` when nobody tells, or when the sound has no end that anyone could know.

    ``first`` are the first packets, and ``rest`` are those that were not read yet: read it no further, for this may go
    to the file's end.
    """
    size = file.open().size
    told = _told_ms(container, sound)
    if size is None:
        milliseconds = told if sound.duration is not None else 0.0
    elif _is_told(container, sound, first, told):
        milliseconds = told
    elif size < SMALL_BYTES and tells_its_length(sound):
        milliseconds = _last_ms(rest, sound, file)
    elif not file.seekable():
        milliseconds = 0.0
    elif container.format.name == "mp3":
        milliseconds = told if _has_one_rate(container, sound, file, size, first) else 0.0
    elif container.format.name in _COMPUTED or not told:
        milliseconds = 0.0
    else:
        milliseconds = _end_ms(container, sound, file, size)
    return round(milliseconds) if 0 < milliseconds <= LONGEST_MS else None


def _told_ms(container: InputContainer, sound: av.AudioStream) -> float:
    if sound.duration is not None and sound.time_base is not None:
        return float(sound.duration * sound.time_base) * 1000
    of_sound = _tagged_ms(sound)
    of_all = (container.duration or 0) * 1000 / av.time_base
    return min(of_sound, of_all) if of_sound and of_all else of_all


def _tagged_ms(sound: av.AudioStream) -> float:
    """What Matroska's statistics say of the sound alone, as ``00:03:20.021000000``; 0 if nothing."""
    parts = sound.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return 0.0
    return (hours * 3_600 + minutes * 60 + seconds) * 1000


def _is_told(container: InputContainer, sound: av.AudioStream, first: Sequence[Packet], told: float) -> bool:
    if not told or not tells_its_length(sound) or container.format.name in _COMPUTED | _PERHAPS_COMPUTED:
        return False
    if container.format.name == "mp3":
        return bool(first) and (first[0].pos or 0) > begins_behind(sound)  # a frame of Xing's is between
    return "mov" in container.format.name or start_ms(sound) <= LATE_MS


def _has_one_rate(
    container: InputContainer, sound: av.AudioStream, file: RemoteFile, size: int, first: Sequence[Packet]
) -> bool:
    if not mp3.goes_by_share(container, size):
        return False
    try:
        seek(container, sound, int(_told_ms(container, sound) * 0.9))
        with closing(packets(container, sound)) as source:
            return mp3.came_there(first, first_of(source, file.grant))
    except (Unseekable, Refused):
        return False


def _end_ms(container: InputContainer, sound: av.AudioStream, file: RemoteFile, size: int) -> float:
    """Where the last packet ends; 0 if it is not to be had without reading through the file."""
    try:
        seek(container, sound, LONGEST_MS)
        with closing(packets(container, sound)) as source:
            first = next(source, None)
            if first is None or first.pos is None or size - first.pos > NEAR_BYTES:
                return 0.0
            return _last_ms(chain((first,), source), sound, file)
    except (Unseekable, Refused):
        return 0.0


def _last_ms(source: Iterator[Packet], sound: av.AudioStream, file: RemoteFile) -> float:
    """Where the last of these packets ends; 0 if they cannot all be read."""
    end = 0.0
    try:
        for time_ms, packet in timed(source, sound):
            file.grant()
            end = max(end, time_ms + float((packet.duration or 0) * (packet.time_base or 0)) * 1000)
    except Refused:
        return 0.0
    return end
