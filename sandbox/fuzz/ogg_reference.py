"""Ogg read a second way: slowly, page by page, by the letter of RFC 3533. What a parser says is compared with it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("<4sBBqIIIB")
_CHECKSUM: Final = slice(22, 26)
_CONTINUED, _FIRST = 1, 2


class Page(NamedTuple):
    begin: int
    end: int
    kind: int
    stream: int
    number: int
    segments: bytes
    body: bytes


def checksum(page: bytes) -> int:
    """Of a page whose own is taken for 0."""
    register = 0
    for byte in page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]:
        register = (register << 8) & 0xFFFFFFFF ^ _TABLE[register >> 24 ^ byte]
    return register


def pages(data: bytes) -> Iterator[Page]:
    """Whole pages one behind the other, whatever their checksums say."""
    place = 0
    while place + _HEAD.size <= len(data):
        mark, version, kind, _, stream, number, _, count = _HEAD.unpack_from(data, place)
        body = place + _HEAD.size + count
        segments = data[body - count : body]
        end = body + sum(segments)
        if mark != b"OggS" or version or len(segments) < count or end > len(data):
            return
        yield Page(place, end, kind, stream, number, segments, data[body:end])
        place = end


def with_checksums(data: bytes) -> bytes:
    """The same pages, each with the checksum that it should have."""
    mended = bytearray(data)
    for page in pages(data):
        head = slice(page.begin + _CHECKSUM.start, page.begin + _CHECKSUM.stop)
        mended[head] = checksum(data[page.begin : page.end]).to_bytes(4, "little")
    return bytes(mended)


def packets(data: bytes) -> list[bytes]:
    """What the first page's stream holds, up to the first page that is damaged, begins a stream, or is missing."""
    found: list[bytes] = []
    begun: bytes | None = None
    stream = number = -1
    for page in pages(data):
        told = int.from_bytes(data[page.begin : page.end][_CHECKSUM], "little")
        if page.kind & _FIRST or checksum(data[page.begin : page.end]) != told:
            break
        if stream == -1:
            stream, number = page.stream, page.number
        elif page.stream != stream:
            continue
        elif page.number != number:
            break
        number = (page.number + 1) & 0xFFFFFFFF
        if not page.kind & _CONTINUED:
            begun = b""
        place = 0
        for segment in page.segments:
            if begun is not None:
                begun += page.body[place : place + segment]
            place += segment
            if segment < 255:
                if begun:
                    found.append(begun)
                begun = b""
    return found


def _entry(byte: int) -> int:
    register = byte << 24
    for _ in range(8):
        register = (register << 1) ^ (0x104C11DB7 if register & 0x80000000 else 0)
    return register


_TABLE: Final = [_entry(byte) for byte in range(256)]
