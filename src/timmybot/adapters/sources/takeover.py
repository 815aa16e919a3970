"""Reading on without FFmpeg where FFmpeg has begun.

FFmpeg opens every file, says what is in it and goes to places in it. If what it then reads is Opus in Matroska or Ogg,
that is read once more by :class:`~timmybot.adapters.sources.matroska.Blocks` or
:class:`~timmybot.adapters.sources.ogg.Pages`. Only when this gives the same packets, byte by byte and with the same
times, does it go on in FFmpeg's place, from the same connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from timmybot.adapters.sources.matroska import CLUSTER_MARK, Blocks
from timmybot.adapters.sources.media_messages import Packet
from timmybot.adapters.sources.ogg import PAGE_MARK, Pages
from timmybot.adapters.sources.packets import Unexpected
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.adapters.sources.row import RUN_FRAMES, Timed

READ_BYTES = 32 * 1024
"""Read at a time: two seconds of 128 kb/s, so that a player is filled once in two seconds."""


@dataclass
class Takeover:
    """The packets from the first that FFmpeg gave on."""

    file: RememberingFile
    source: Blocks | Pages
    begun: Sequence[Timed]
    """What was read already; empty when that has been handed on."""
    shift: int
    """What FFmpeg adds to the times in the file, in its stream's unit."""

    def runs(self) -> Iterator[Sequence[Timed]]:
        """Packets in a row, up to ``RUN_FRAMES`` at a time, and their times in the file.

        Raises :class:`Unexpected` where FFmpeg has to go on, and what reading raises.
        """
        packets, self.begun = self.begun, ()  # else they would be kept for as long as the file plays
        while True:
            for begin in range(0, len(packets), RUN_FRAMES):
                yield packets[begin : begin + RUN_FRAMES]
            data = self.file.read(READ_BYTES)
            if not data:
                return
            packets = self.source.feed(data)


def take_over(file: RememberingFile, first: Sequence[Packet]) -> Takeover | None:
    """From a file of which FFmpeg has just given ``first``; ``None`` if it is not certain to go on the same."""
    if not first or first[0].pos is None:
        return None
    begin, data = file.remembered()
    place = first[0].pos - begin
    if not 0 <= place < len(data):
        return None
    try:
        begun = _pages(data, place) if data.startswith(PAGE_MARK, place) else _blocks(data, place)
    except Unexpected:
        return None
    if begun is None or len(begun[1]) < len(first):
        return None
    source, packets = begun
    shift = first[0].pts - packets[0][0]
    pairs = zip(first, packets, strict=False)
    if not all(packet.pts == time + shift and packet.data == taken for packet, (time, taken) in pairs):
        return None
    file.in_a_row(None)  # that is for what FFmpeg may be given
    return Takeover(file, source, packets, shift)


def _pages(data: bytes, place: int) -> tuple[Pages, list[Timed]]:
    """FFmpeg says of a packet in Ogg where its page begins."""
    pages = Pages()
    return pages, pages.feed(data[place:])


def _blocks(data: bytes, place: int) -> tuple[Blocks, list[Timed]] | None:
    """FFmpeg says of a packet in Matroska where in its block the track's number is."""
    cluster = data.rfind(CLUSTER_MARK, 0, place)
    if cluster < 0 or not 0x80 < data[place] < 0xFF:
        return None
    blocks = Blocks(data[place] & 0x7F)
    blocks.feed(data[cluster:place])
    return blocks, blocks.feed(data[place:])
