"""Reading on without FFmpeg where FFmpeg has begun.

FFmpeg opens every file, says what is in it and goes to places in it. If what it then reads is Opus in Matroska, that is
read once more by :class:`~timmybot.adapters.sources.matroska.Blocks`. Only when this gives the same packets, byte by
byte and with the same times, does it go on in FFmpeg's place, from the same connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av

from timmybot.adapters.sources.matroska import CLUSTER_MARK, Blocks, Unexpected
from timmybot.adapters.sources.remembering import RememberingFile

READ_BYTES = 32 * 1024
"""Read at a time: two seconds of 128 kb/s, so that a player is filled once in two seconds."""

Timed = tuple[int, bytes]


@dataclass(frozen=True)
class Takeover:
    """The packets from the first that FFmpeg gave on."""

    file: RememberingFile
    blocks: Blocks
    begun: Sequence[Timed]
    shift: int
    """What FFmpeg adds to the times in the file, in its stream's unit."""

    def runs(self) -> Iterator[Sequence[Timed]]:
        """Packets in a row, some hundred at a time, and their times in the file.

        Raises :class:`Unexpected` where FFmpeg has to go on, and what reading raises.
        """
        if self.begun:
            yield self.begun
        while data := self.file.read(READ_BYTES):
            if run := self.blocks.feed(data):
                yield run


def take_over(file: RememberingFile, first: Sequence[av.Packet[av.AudioStream]]) -> Takeover | None:
    """From a file of which FFmpeg has just given ``first``; ``None`` if it is not certain to go on the same."""
    begin, data = file.remembered()
    place = (first[0].pos if first and first[0].pos is not None else -1) - begin
    cluster = data.rfind(CLUSTER_MARK, 0, place) if 0 < place < len(data) else -1
    if cluster < 0 or not 0x80 < data[place] < 0xFF:
        return None
    blocks = Blocks(data[place] & 0x7F)
    try:
        blocks.feed(data[cluster:place])
        begun = blocks.feed(data[place:])
    except Unexpected:
        return None
    if len(begun) < len(first) or first[0].pts is None:
        return None
    shift = first[0].pts - begun[0][0]
    same = all(
        packet.pts == time + shift and bytes(packet) == taken
        for packet, (time, taken) in zip(first, begun, strict=False)
    )
    return Takeover(file, blocks, begun, shift) if same else None
