"""One track's packets straight out of Matroska's bytes, for what is passed through.

FFmpeg takes 4 to 5 µs for a packet, and twice that and more once each of them has come through an iterator or three and
the interpreter lock has changed hands around it. For sound that nobody decodes all of that fetches bytes that already
lie there in a row. Here a run of some hundred packets is taken apart in one loop, at half a microsecond each.

It is no demuxer: it knows what music files have in common, and says so when it meets anything else
(:class:`~timmybot.adapters.sources.packets.Unexpected`), so that FFmpeg can go on from there. WebM is Matroska.

Source: RFC 8794 (EBML), RFC 9559 (Matroska), whose element names are used here.
"""

from __future__ import annotations

import struct
from typing import Final

from timmybot.adapters.sources.packets import Unexpected

CLUSTER_MARK: Final = b"\x1f\x43\xb6\x75"

_SIMPLE_BLOCK: Final = 0xA3
_BLOCK: Final = 0xA1
_TIMESTAMP: Final = 0xE7
_ENTERED: Final = frozenset({0x18538067, 0x1F43B675, 0xA0})
"""Segment, Cluster, BlockGroup: what is in them is read as if it stood alone. So it does not matter where one ends, and
whether its size is known."""
_PASSED_OVER: Final = frozenset(
    {
        *(0xEC, 0xBF, 0xA7, 0xAB, 0x5854),  # Void, CRC-32, Position, PrevSize, SilentTracks
        *(0x9B, 0xFB, 0xFA, 0xA4, 0x75A1, 0x75A2),  # what else a BlockGroup holds
        *(
            0x114D9B74,
            0x1549A966,
            0x1654AE6B,
            0x1C53BB6B,
            0x1254C367,
            0x1941A469,
            0x1043A770,
        ),  # what else a Segment does
    }
)
_LACING: Final = 0x06
_BLOCK_HEAD: Final = 4
"""Track number (one byte of it), time relative to the cluster's (two), flags."""
_USUAL: Final = struct.Struct(">IhB")
"""The beginning of nearly every block, read at once as that is what counts here: the name SimpleBlock (a byte), a size
of two bytes (0b01 and 14 bits), the track; the time; the flags."""
_USUAL_BITS: Final = 0xFFC000FF
"""What is fixed of its first four bytes."""
_USUAL_BODY: Final = 3
_LONGEST_PACKET: Final = 64 * 1024
"""Opus ends at 61 KB. Source: RFC 6716, section 3.2.1: 48 frames of 1,275 bytes."""


class Blocks:
    """The packets of track number ``track`` (up to 126), in the order in which they come.

    ``feed`` begins at an element of a Segment or of a Cluster and may be given pieces of any length.
    """

    def __init__(self, track: int) -> None:
        self._mark = 0x80 | track
        self._usual = _SIMPLE_BLOCK << 24 | 0x4000 << 8 | self._mark
        self._cluster = 0
        """The cluster's time, in the segment's unit."""
        self._rest = b""
        """The beginning of an element that is not whole yet."""
        self._passing_over = 0
        """How many bytes to come belong to an element that is not wanted."""
        self._trouble: Unexpected | None = None

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The packets that ``data`` completes, with their times. Raises :class:`Unexpected`, in the call after."""
        if self._trouble is not None:
            raise self._trouble
        over, self._passing_over = self._passing_over, max(0, self._passing_over - len(data))
        data = self._rest + data[over:]
        packets: list[tuple[int, bytes]] = []
        place, end, cluster, usual, head = 0, len(data), self._cluster, self._usual, _USUAL.unpack_from
        try:
            while place + _USUAL.size <= end:
                start, time, flags = head(data, place)
                after = place + _USUAL_BODY + (start >> 8 & 0x3FFF)
                if start & _USUAL_BITS == usual and not flags & _LACING and after > place + _USUAL.size:
                    if after > end:
                        break
                    packets.append((cluster + time, data[place + _USUAL.size : after]))
                    place = after
                    continue
                place, cluster = self._element(data, place, cluster, packets)
                if place > end:
                    self._passing_over = place - end
                    break
        except _NotWhole:
            pass
        except Unexpected as trouble:
            self._trouble = trouble
            if not packets:
                raise
        self._rest, self._cluster = data[place:], cluster
        return packets

    def _element(self, data: bytes, place: int, cluster: int, packets: list[tuple[int, bytes]]) -> tuple[int, int]:
        """Take in any element. Returns where the next one begins, and the cluster's time."""
        name, body = _number(data, place, kept_bits=True)
        size, body = _number(data, body)
        if name in _ENTERED:
            return body, cluster
        after = body + size
        if name == _TIMESTAMP and size <= 8:
            if after > len(data):
                raise _NotWhole
            return after, int.from_bytes(data[body:after], "big")
        if name in (_SIMPLE_BLOCK, _BLOCK):
            self._block(data, body, after, cluster, packets)
        elif name not in _PASSED_OVER:
            raise Unexpected(f"an element {name:x}")
        return after, cluster

    def _block(self, data: bytes, body: int, after: int, cluster: int, packets: list[tuple[int, bytes]]) -> None:
        if len(data) < body + _BLOCK_HEAD:
            raise _NotWhole
        if data[body] < 0x80 or after < body + _BLOCK_HEAD:
            raise Unexpected("a block of more tracks than music has")
        if data[body] != self._mark:
            return
        if data[body + 3] & _LACING or after - body > _LONGEST_PACKET:
            raise Unexpected("laced or endless packets")
        if after > len(data):
            raise _NotWhole
        if after > body + _BLOCK_HEAD:
            time = int.from_bytes(data[body + 1 : body + 3], "big", signed=True)
            packets.append((cluster + time, data[body + _BLOCK_HEAD : after]))


class _NotWhole(Exception):
    """There is more to come of this element."""


def _number(data: bytes, place: int, *, kept_bits: bool = False) -> tuple[int, int]:
    """A number of variable length, and where it ends. Source: RFC 8794, section 4.

    ``kept_bits`` leaves those in that say its length, as the names of elements have it.
    """
    if place >= len(data):
        raise _NotWhole
    length = 9 - data[place].bit_length()
    if length > 8:
        raise Unexpected("a number of no length")
    after = place + length
    if after > len(data):
        raise _NotWhole
    number = int.from_bytes(data[place:after], "big")
    return (number if kept_bits else number & ~(1 << 7 * length)), after
