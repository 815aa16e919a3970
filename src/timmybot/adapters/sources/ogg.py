"""One stream's Opus packets straight out of Ogg's bytes, for what is passed through.

To Ogg what :mod:`~timmybot.adapters.sources.matroska` is to Matroska, and for the same reason. A page whose checksum is
wrong is left to FFmpeg, which leaves it out: one bit of it, taken for a length, would cost seconds of the song.

Source: RFC 3533 (Ogg), section 6; RFC 7845 (Opus in it), section 4, for the times.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from timmybot.adapters.sources.packets import FRAME_HEADS, Unexpected, duration_ms

PAGE_MARK: Final = b"OggS"
_PAGE: Final = struct.Struct("<4sBBqIIIB")
"""Mark, version, kind, the time at its end, stream, number, checksum, how many segments."""
_CHECKSUM: Final = slice(22, 26)
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL_ONES: Final = 0xFFFFFFFF
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_NO_TIME: Final = -1
_FULL_SEGMENT: Final = 255
"""A packet ends with the first segment that is shorter."""
_LONGEST_PACKET: Final = 64 * 1024
_SAMPLES_PER_FRAME: Final = 960
_SAMPLES_PER_MS: Final = 48


class Pages:
    """The packets of the stream to which the first page belongs, in the order in which they come.

    ``feed`` begins at a page and may be given pieces of any length. Times are in samples of 48 kHz, and begin at 0.
    """

    def __init__(self) -> None:
        self._stream: int | None = None
        self._number = 0
        self._clock = 0
        self._offset: int | None = None
        """From our clock to the file's."""
        self._begun: bytes | None = None
        """The beginning of a packet that goes on in the next page; ``None`` where its beginning is not known."""
        self._rest = b""
        self._trouble: Unexpected | None = None

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The packets that ``data`` completes, with their times. Raises :class:`Unexpected`, in the call after."""
        if self._trouble is not None:
            raise self._trouble
        data = self._rest + data
        packets: list[tuple[int, bytes]] = []
        place = 0
        try:
            while len(data) >= place + _PAGE.size:
                after = self._page(data, place, packets)
                if after is None:
                    break
                place = after
        except Unexpected as trouble:
            self._trouble = trouble
            if not packets:
                raise
        self._rest = data[place:]
        return packets

    def _page(self, data: bytes, place: int, packets: list[tuple[int, bytes]]) -> int | None:
        """Take in a page. Returns where the next one begins; ``None`` if this one is not whole."""
        mark, version, kind, time, stream, number, _, count = _PAGE.unpack_from(data, place)
        if mark != PAGE_MARK or version or kind & _FIRST:
            raise Unexpected("no page that continues the stream")
        body = place + _PAGE.size + count
        segments = data[body - count : body]
        after: int = body + sum(segments)
        if len(data) < body or len(data) < after:
            return None
        if not _is_intact(data[place:after]):
            raise Unexpected("a damaged page")
        if self._stream is None:
            self._stream = stream
        elif stream != self._stream:
            return after
        elif number != self._number:
            raise Unexpected("pages are missing")
        self._number = number + 1 & 0xFFFFFFFF
        self._take(data, body, segments, packets, goes_on=bool(kind & _CONTINUED))
        if time != _NO_TIME and not kind & _LAST:  # the last page's time says where to cut its sound
            if self._offset not in (None, time - self._clock):
                raise Unexpected("a gap in time")
            self._offset = time - self._clock
        return after

    def _take(
        self, data: bytes, begin: int, segments: bytes, packets: list[tuple[int, bytes]], *, goes_on: bool
    ) -> None:
        """The packets that end in this page."""
        begun: bytes | None = self._begun if goes_on else b""
        end, clock = begin, self._clock
        for segment in segments:
            end += segment
            if segment == _FULL_SEGMENT:
                continue
            packet, begun, begin = (None if begun is None else begun + data[begin:end]), b"", end
            if packet:
                packets.append((clock, packet))
                usual = packet[:1] in FRAME_HEADS
                clock += _SAMPLES_PER_FRAME if usual else round(duration_ms(packet) * _SAMPLES_PER_MS)
        self._clock = clock
        self._begun = None if begun is None else begun + data[begin:end]
        if self._begun is not None and len(self._begun) > _LONGEST_PACKET:
            raise Unexpected("an endless packet")


def _is_intact(page: bytes) -> bool:
    """Whether the page's checksum is that of the page.

    It is zlib's but for three things: it takes the highest bit of a byte first, begins with zeros, and is not inverted
    in the end. So zlib gets the page with the bits of each byte reversed, and gives the checksum reversed.
    """
    zeroed = page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]
    found = zlib.crc32(zeroed.translate(_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return found == int.from_bytes(page[_CHECKSUM].translate(_REVERSED), "big")
