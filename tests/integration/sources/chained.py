"""Ogg in which one song follows another, each a stream of its own: as stations send it, and as files may be joined."""

from __future__ import annotations

import struct
from collections.abc import Iterator

SERIAL, CHECKSUM = slice(14, 18), slice(22, 26)
SEGMENTS_PLACE = 26


def numbered(song: bytes, number: int) -> bytes:
    """The same song as stream ``number``."""
    return b"".join(_with_serial(page, number) for page in pages(song))


def tuned_in(song: bytes, seconds: float) -> bytes:
    """What a station sends to whoever comes so late: the headers, and the pages that are left."""
    return b"".join(page for page in pages(song) if not 0 < _samples(page) <= seconds * 48_000)


def pages(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        segments = data[place + SEGMENTS_PLACE]
        body = place + SEGMENTS_PLACE + 1 + segments
        end = body + sum(data[body - segments : body])
        yield data[place:end]
        place = end


def _samples(page: bytes) -> int:
    """At its end; 0 in headers."""
    (samples,) = struct.unpack_from("<q", page, 6)
    return int(samples)


def _with_serial(page: bytes, number: int) -> bytes:
    out = bytearray(page)
    out[SERIAL] = struct.pack("<I", number)
    out[CHECKSUM] = bytes(4)
    out[CHECKSUM] = struct.pack("<I", _checksum(out))
    return bytes(out)


def _checksum(page: bytearray) -> int:
    """Source: RFC 3533, section 6, field 7."""
    checksum = 0
    for byte in page:
        checksum = checksum << 8 & 0xFFFFFFFF ^ _OF_BYTE[checksum >> 24 ^ byte]
    return checksum


def _of_byte(byte: int) -> int:
    checksum = byte << 24
    for _ in range(8):
        checksum = (checksum << 1 ^ 0x04C11DB7 if checksum & 0x80000000 else checksum << 1) & 0xFFFFFFFF
    return checksum


_OF_BYTE = [_of_byte(byte) for byte in range(256)]
