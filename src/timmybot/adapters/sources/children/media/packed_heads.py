"""Finds out whether the heads of a Matroska file's tracks are packed, from what FFmpeg reads of it.

The tracks are walked from one element to the next, into those that lead to the answer and over all others: what a
codec's head holds, and what sounds, may have the same bytes by chance.

Sources: RFC 8794, section 4 (numbers); RFC 9559, sections 5.1.4 (Tracks) and 5.1.4.1.31 (ContentEncodings).
"""

from __future__ import annotations

from typing import Final

from timmybot.adapters.sources.refusal import Refusal, Refused

_TRACKS: Final = b"\x16\x54\xae\x6b"
_MASTERS: Final = frozenset({_TRACKS, b"\xae", b"\x6d\x80", b"\x62\x40"})
"""Tracks, one of them, what it is packed with, and one such packing: each is gone into."""
_SCOPE: Final = b"\x50\x32"
_SCOPE_HEAD: Final = 2
_LONGEST_ID: Final = 4
_LONGEST_NUMBER: Final = 8
_NOWHERE: Final = 1 << 63

MOST_TRACKS: Final = 16
"""How many lists of tracks a file may seem to have: the index of one that has one names it a second time."""


class PackedHeads:
    """Watches one file. FFmpeg may go about in it."""

    def __init__(self) -> None:
        self._walks: dict[int, int] = {}
        """Where a list of tracks seems to begin, and the next of its elements that was not looked at."""

    def look(self, place: int, data: bytes, known: int) -> None:
        """``data`` is read from ``place`` of the file; its first ``known`` bytes were there the last time.

        Raises :class:`Refused` if a track's head is packed, or if it costs too much to find that out.
        """
        found = data.find(_TRACKS, max(0, known - len(_TRACKS) + 1))
        while found >= 0:
            self._walks[place + found] = place + found
            if len(self._walks) > MOST_TRACKS:
                raise Refused(Refusal.TOO_COSTLY)
            found = data.find(_TRACKS, found + 1)
        for begun, at in self._walks.items():
            if place <= at < place + len(data):
                self._walks[begun] = place + _walked(data, at - place)


def _walked(data: bytes, at: int) -> int:
    """Where the next element begins that is not in ``data`` as far as it matters."""
    while at < len(data):
        id_width = _width(data[at])
        if id_width > _LONGEST_ID:
            return _NOWHERE  # no element: what was taken for a list of tracks is none
        told = at + id_width
        if told >= len(data) or told + _width(data[told]) > len(data):
            return at
        width = _width(data[told])
        size = int.from_bytes(data[told : told + width], "big") & ((1 << 7 * width) - 1)
        name, begin = data[at:told], told + width
        if name in _MASTERS:
            at = begin
            continue
        if name == _SCOPE and size:
            if begin + min(size, _LONGEST_NUMBER) > len(data):
                return at
            if data[begin + min(size, _LONGEST_NUMBER) - 1] & _SCOPE_HEAD:
                raise Refused(Refusal.TOO_COSTLY)
        at = begin + size
    return at


def _width(first: int) -> int:
    """How many bytes the number takes that begins so; more than there can be if none does."""
    return 9 - first.bit_length()
