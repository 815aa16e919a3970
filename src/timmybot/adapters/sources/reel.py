"""One opened file, and the frames that are made of it."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, islice
from typing import Any

import av
from av.container import InputContainer

from timmybot.adapters.sources import demux, mp3, transcode
from timmybot.adapters.sources.containers import opened, plain_errors
from timmybot.adapters.sources.effects import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.packets import Unexpected
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.adapters.sources.row import RUN_FRAMES, Packet, Placed, Row, without_jumps
from timmybot.adapters.sources.takeover import Takeover, take_over
from timmybot.adapters.sources.tape import PREROLL_MS, Tape
from timmybot.ports.track_source import FRAME_MS, Sound, TrackError

log = logging.getLogger(__name__)

KEPT_MS = 5_000.0 + RUN_FRAMES * FRAME_MS + 2 * PREROLL_MS
"""How much of the track can be gone back to: what a full buffer holds, the last run included, and what decoding from
there takes."""


class Reel:
    """A file opened at ``position_ms``. Used on one thread at a time, and closed by its owner.

    Raises :class:`TrackError`, and :class:`demux.Unseekable` if it began elsewhere though told to go there ``seeking``.
    """

    def __init__(self, file: RememberingFile, position_ms: float, *, seeking: bool) -> None:
        self._file = file
        with ExitStack() as stack:
            container, self._sound = self._opened(stack)
            source = _packets(stack, container, self._sound)
            first = list(islice(source, demux.LOOKED_AT))
            self._plain = demux.plain_opus(container, self._sound)
            self._through = self._plain and demux.in_frames(first)
            self._start, self._unit_ms = demux.time_scale(self._sound)
            self._shift_ms = 0.0
            """What is added to the file's own times: what has no length begins where listening does."""
            if file.open().size is None and first:
                self._shift_ms = position_ms - self._place_ms(first[0])
            if position_ms > 0 and seeking and file.seekable():
                first, source = self._sought(stack, container, position_ms, first)
            takeover = take_over(file, first) if self._through and file.seekable() else None
            file.forget()
            if takeover is not None:
                stack.close()  # FFmpeg has done its part, and a hundred kilobytes are free
            self.tape: Tape[Any] = Tape(self._runs(first, source, takeover), KEPT_MS)
            self._open = stack.pop_all()

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[Sequence[bytes], None, None]:
        """Runs of 20 ms Opus packets from ``position_ms`` on, or from where it is still possible.

        Ends a generator that was begun earlier: they share the file.
        """
        self.tape.keep_ms = KEPT_MS * max(1.0, sound.rate)
        with plain_errors():
            if self._through and sound.untouched:
                if ramp is not None and ramp.begin != ramp.end:
                    yield from islice(self._made(position_ms, sound, ramp), RAMP_FRAMES)
                    position_ms += RAMP_FRAMES * FRAME_MS
                begin_ms = int(position_ms) // FRAME_MS * FRAME_MS - FRAME_MS / 2
                place = yield from demux.frames(self.tape.runs(begin_ms))
                if place is None:
                    return
                self._through, position_ms, ramp = False, float(place), None
            yield from self._made(position_ms, sound, ramp)

    def close(self) -> None:
        self._open.close()
        self._file.close()

    def _opened(self, stack: ExitStack) -> tuple[InputContainer, av.AudioStream]:
        with self._file.awaited():  # FFmpeg may compute for long over hostile tags, and cannot be stopped meanwhile
            return stack.enter_context(opened(self._file))

    def _made(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Iterator[tuple[bytes]]:
        """Each frame is a run."""
        pieces = self.tape.pieces(position_ms)
        if self._plain:
            return zip(transcode.frames(transcode.opus_decoded(pieces), position_ms, sound, ramp))
        decoder = self._sound.codec_context
        decoder.flush_buffers()
        decoded = transcode.decoded_frames(pieces, decoder, demux.start_ms(self._sound) - self._shift_ms)
        return zip(transcode.frames(decoded, position_ms, sound, ramp))

    def _sought(
        self, stack: ExitStack, container: InputContainer, position_ms: float, begun: list[Packet]
    ) -> tuple[list[Packet], Iterator[Packet]]:
        """The first packets from shortly before the position on, and those behind them. The file ``begun`` so."""
        by_share = mp3.goes_by_share(container, self._file.open().size)
        demux.seek(container, self._sound, max(0, int(position_ms - PREROLL_MS)))
        source = _packets(stack, container, self._sound)
        first = list(islice(source, demux.LOOKED_AT))
        if first and self._plain and self._place_ms(first[0]) - self._shift_ms > position_ms + FRAME_MS:
            raise demux.Unseekable
        if by_share and not mp3.came_there(begun, first):
            raise demux.Unseekable
        return first, source

    def _place_ms(self, packet: Packet) -> float:
        assert packet.pts is not None
        return (packet.pts - self._start) * self._unit_ms + self._shift_ms

    # What the tape is filled from

    def _runs(
        self, first: list[Packet], source: Iterator[Packet], takeover: Takeover | None
    ) -> Iterator[Sequence[Placed]] | Iterator[Sequence[tuple[float, Packet]]]:
        packets = chain(first, source)
        if not first or not self._plain:
            return self._to_decode(packets)
        time = first[0].pts
        assert time is not None
        # What is live does not wait for what is missing.
        fills_holes = self._file.open().size is not None
        row = Row(self._place_ms(first[0]), time, self._unit_ms, fills_holes=fills_holes)
        return self._opus(row, packets) if takeover is None else self._taken_over(row, takeover)

    def _to_decode(self, source: Iterator[Packet]) -> Iterator[Sequence[tuple[float, Packet]]]:
        """FFmpeg's packets, each a run: so that a station is heard as it comes."""
        for packet in without_jumps(source, self._unit_ms):
            self._file.grant()
            yield ((self._place_ms(packet), packet),)
        self._file.rest()

    def _opus(self, row: Row, source: Iterator[Packet]) -> Iterator[Sequence[Placed]]:
        """The same of Opus that can be decoded from the packets alone."""
        grant = self._file.grant
        for packet in source:
            grant()
            assert packet.pts is not None
            yield from row.placed(((packet.pts, bytes(packet)),))
        self._file.rest()

    def _taken_over(self, row: Row, takeover: Takeover) -> Iterator[Sequence[Placed]]:
        """Packets without FFmpeg, as far as that goes."""
        grant, shift = self._file.grant, takeover.shift
        row.shift(-shift)
        last = takeover.begun[-1]
        try:
            for run in takeover.runs():
                grant()
                last = run[-1]
                yield from row.placed(run)
        except Unexpected as surprise:
            log.info("FFmpeg has to read on: %s", surprise)
            row.shift(shift)
            yield from self._opus(row, self._behind(last[0] + shift, last[1], self._file.tell()))
        else:
            self._file.rest()

    def _behind(self, time: int, data: bytes, end: int) -> Iterator[Packet]:
        """What FFmpeg gives behind the packet ``data``, which has this time in its stream and lies before the place
        ``end`` of the file."""
        for seeking in (True, False):
            self._open.close()
            self._file.begin_anew()
            container, self._sound = self._opened(self._open)
            if seeking:
                try:
                    demux.seek(container, self._sound, max(0, int((time - self._start) * self._unit_ms)))
                except demux.Unseekable:
                    continue
            source = _packets(self._open, container, self._sound)
            for packet in source:
                self._file.grant()
                if packet.pts == time and bytes(packet) == data:
                    yield from source
                    return
                if packet.pos is not None and packet.pos >= end:
                    break  # gone to another place: where songs stand behind each other, each has such a time
        raise TrackError("The file is damaged: I cannot read on from here.")


def _packets(stack: ExitStack, container: InputContainer, sound: av.AudioStream) -> Iterator[Packet]:
    """Closed by ``stack``, before the container is."""
    return stack.enter_context(closing(demux.packets(container, sound)))
