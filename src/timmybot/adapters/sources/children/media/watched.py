"""A file on its way into FFmpeg, watched for what FFmpeg's own limits do not hold.

A film has many streams, and so has a song with five pictures. But in MP4 each of them may have an index as large as
the largest piece of memory, and a hundred bytes ask for one: so the memory of the process is looked at before each
track and each fragment of a file that has many. In Matroska the heads of all tracks are unpacked at once: no honest
program packs them (the blocks, yes), so such a file is refused.

Source: ISO/IEC 14496-12 (boxes).
"""

from __future__ import annotations

import functools
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from timmybot.adapters.sources.children.media.packed_heads import PackedHeads
from timmybot.adapters.sources.refusal import Refusal, Refused

FEW_TRACKS: Final = 5
"""So many may each have an index of the largest piece: sound, picture, chapters, cover, times."""

MANY_TRACKS_BYTES: Final = 128 * 1024**2
"""How much the process may grow while a file of more tracks is open."""

_FIRST_BYTES: Final = 32 * 1024
_MARKS: Final = (b"trak", b"moof")
_MOVIES: Final = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx")
_PACKED_INDEX: Final = re.compile(rb"cmov.{4}dcom", re.DOTALL)
"""QuickTime's compressed movie header, as no program writes it any more: nobody sees how many tracks are in it."""
_EBML: Final = b"\x1a\x45\xdf\xa3"
_ID3_HEAD: Final = 10
_TAIL_BYTES: Final = 32


class Readable(Protocol):
    """A file that can be read, and gone about in."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...

    def seekable(self) -> bool: ...


def resident_bytes() -> int:
    """How much memory the process has, in bytes; 0 where that is not told. Source: proc(5), statm."""
    if sys.platform != "linux":
        return 0
    return int(os.pread(_statm(), 100, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")


@functools.cache
def _statm() -> int:
    """Opened once: a confined process opens no file any more."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


class WatchedFile:
    """``file`` for FFmpeg. Reading raises :class:`Refused` where it costs too much."""

    def __init__(self, file: Readable, memory: Callable[[], int] = resident_bytes) -> None:
        self._file = file
        self._memory = memory
        self._memory_begun = memory()
        self._place = file.tell()
        self._held = file.read(_FIRST_BYTES)
        """What was read of the file and not handed on, from ``_place`` on."""
        self._tail = b""
        """What was handed on last, as long as it is followed without a gap."""
        self._over = self._opened = False
        self._tracks = 0
        self.is_movie = self._held[4:8] in _MOVIES
        self.tag_bytes = _id3_bytes(self._held)
        self._packed_heads = PackedHeads() if self._held.startswith(_EBML) else None
        self.fragmented = False
        """Whether the file is an MP4 whose index comes in pieces."""
        self.segmented = self.indexed = False
        """Whether it tells where they all are: by an index of segments at its beginning, which tells its length too, or
        also by a table at its end."""

    @property
    def lacks_its_index(self) -> bool:
        """Whether it is an MP4 of which no track was read."""
        return self.is_movie and not self._tracks

    def begins_with(self, marks: tuple[bytes, ...], place: int = 0) -> bool:
        """Whether one of them stands at that place of the file, before it is read from."""
        return self._held.startswith(marks, place)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = self._place
        if whence == io.SEEK_CUR:
            offset += begin
        elif whence == io.SEEK_END:
            offset = self._file.seek(offset, io.SEEK_END)
        self._place = max(0, offset)
        if self._place != begin:
            ahead = self._place - begin
            self._held = self._held[ahead:] if ahead > 0 else b""
            self._tail = b""
        self._file.seek(self._place + len(self._held))
        return self._place

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, at least one; none at the end, and after an error."""
        if self._over:
            return b""
        data, self._held = self._held or self._file.read(size), b""
        end = min(len(data), size) if size > 0 else len(data)
        try:
            if self.is_movie and not (self._opened and self._tracks <= FEW_TRACKS):
                end = self._next_box(data, end)
            elif self._packed_heads is not None and not self._opened:
                known = len(self._tail)
                self._packed_heads.look(self._place - known, self._tail + data[:end], known)
        except Refused:
            self._over = True
            raise
        self._held = data[end:]
        self._tail = (self._tail + data[:end])[-_TAIL_BYTES:]
        self._place += end
        return data[:end]

    def opened(self) -> None:
        """FFmpeg knows the streams: from here on only files of many tracks are watched."""
        self._opened = True

    def _next_box(self, data: bytes, end: int) -> int:
        """Where to stop, so that FFmpeg comes back before it takes in the next track or fragment."""
        before = self._tail[-3:]
        joint = before + data[:end]
        marks = sorted(place for mark in _MARKS for place in _places(mark, joint))
        stop = end
        for place in marks:
            if place > len(before):
                stop = place - len(before)
                break
            self._begun(joint[place : place + 4])
        seen = self._tail + data[:stop]
        if not self._opened and _PACKED_INDEX.search(seen):
            raise Refused(Refusal.TOO_COSTLY)
        self.segmented = self.segmented or _segments(seen) > 1
        self.indexed = self.indexed or self.segmented or b"mfra" in seen
        return stop

    def _begun(self, mark: bytes) -> None:
        if mark == b"moof":
            self.fragmented = True
        else:
            self._tracks += 1
        if self._tracks > FEW_TRACKS and self._memory() - self._memory_begun > MANY_TRACKS_BYTES:
            raise Refused(Refusal.TOO_COSTLY)


def _places(mark: bytes, data: bytes) -> Iterator[int]:
    place = data.find(mark)
    while place >= 0:
        yield place
        place = data.find(mark, place + 1)


def _segments(data: bytes) -> int:
    """How many segments the first index of segments in ``data`` tells of. Source: ISO/IEC 14496-12, 8.16.3."""
    place = data.find(b"sidx")
    if place < 0:
        return 0
    counted = place + 4 + (4 + 8 + (16 if data[place + 4 : place + 5] == b"\1" else 8) + 2)
    return int.from_bytes(data[counted : counted + 2], "big")


def _id3_bytes(data: bytes) -> int:
    """How long the tag is that ``data`` begins with. Source: ID3v2.4, 3.1: seven bits a byte."""
    if not data.startswith(b"ID3") or len(data) < _ID3_HEAD:
        return 0
    return _ID3_HEAD + sum(
        (byte & 0x7F) << shift for byte, shift in zip(data[6:_ID3_HEAD], (21, 14, 7, 0), strict=True)
    )
