"""One opened file, and the frames that are made of it."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, dropwhile, islice
from typing import Any, TypeAlias

import av
from av.container import InputContainer

from timmybot.adapters.sources import demux, transcode
from timmybot.adapters.sources.containers import opened, plain_errors
from timmybot.adapters.sources.effects import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.packets import Unexpected
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.adapters.sources.takeover import RUN_FRAMES, Takeover, take_over
from timmybot.adapters.sources.tape import PREROLL_MS, Tape
from timmybot.ports.track_source import FRAME_MS, Sound

log = logging.getLogger(__name__)

KEPT_MS = 5_000.0 + RUN_FRAMES * FRAME_MS + 2 * PREROLL_MS
"""How much of the track can be gone back to: what a full buffer holds, the last run included, and what decoding from
there takes."""

Packet: TypeAlias = "av.Packet[av.AudioStream]"


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
                first, source = self._sought(stack, container, position_ms)
            takeover = take_over(file, first) if self._through and file.seekable() else None
            file.forget()
            if takeover is not None:
                stack.close()  # FFmpeg has done its part, and a hundred kilobytes are free
            runs = self._runs(chain(first, source)) if takeover is None else self._taken_over(takeover)
            self.tape: Tape[Any] = Tape(runs, KEPT_MS)
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
        self, stack: ExitStack, container: InputContainer, position_ms: float
    ) -> tuple[list[Packet], Iterator[Packet]]:
        """The first packets from shortly before the position on, and those behind them."""
        demux.seek(container, self._sound, max(0, int(position_ms - PREROLL_MS)))
        source = _packets(stack, container, self._sound)
        first = list(islice(source, demux.LOOKED_AT))
        if first and self._plain and self._place_ms(first[0]) - self._shift_ms > position_ms + FRAME_MS:
            raise demux.Unseekable
        return first, source

    def _place_ms(self, packet: Packet) -> float:
        assert packet.pts is not None
        return (packet.pts - self._start) * self._unit_ms + self._shift_ms

    # What the tape is filled from

    def _runs(self, source: Iterator[Packet]) -> Iterator[Sequence[tuple[float, Packet | bytes]]]:
        """FFmpeg's packets, each a run: so that a station is heard as it comes."""
        plain, grant = self._plain, self._file.grant
        for packet in source:
            grant()
            place_ms = self._place_ms(packet)
            if self._through:
                place_ms = _in_a_row(place_ms)
            yield ((place_ms, bytes(packet) if plain else packet),)
        self._file.rest()

    def _taken_over(self, takeover: Takeover) -> Iterator[Sequence[tuple[float, Packet | bytes]]]:
        """Packets without FFmpeg, as far as that goes."""
        start, unit_ms, grant = self._start - takeover.shift, self._unit_ms, self._file.grant
        unit_frames = unit_ms / FRAME_MS
        last = takeover.begun[0][0] - 1
        try:
            for run in takeover.runs():
                grant()
                last = run[-1][0]
                if self._through:  # as ``_in_a_row`` says, without a call for each
                    yield [(round((time - start) * unit_frames) * FRAME_MS, data) for time, data in run]
                else:
                    yield [((time - start) * unit_ms, data) for time, data in run]
        except Unexpected as surprise:
            log.info("FFmpeg has to read on: %s", surprise)
            yield from self._runs(self._behind(last + takeover.shift))
        else:
            self._file.rest()

    def _behind(self, last: int) -> Iterator[Packet]:
        """What FFmpeg gives behind the packet at ``last``, by the stream's own time."""
        source: Iterator[Packet] = iter(())
        for seeking in (True, False):
            self._open.close()
            self._file.seek(0)
            container, self._sound = self._opened(self._open)
            source = _packets(self._open, container, self._sound)
            if not seeking:
                break
            try:
                demux.seek(container, self._sound, max(0, int((last - self._start) * self._unit_ms)))
                break
            except demux.Unseekable:
                continue

        def was_given(packet: Packet) -> bool:
            self._file.grant()
            return packet.pts is None or packet.pts <= last

        return dropwhile(was_given, source)


def _packets(stack: ExitStack, container: InputContainer, sound: av.AudioStream) -> Iterator[Packet]:
    """Closed by ``stack``, before the container is."""
    return stack.enter_context(closing(demux.packets(container, sound)))


def _in_a_row(place_ms: float) -> int:
    """Frames stand in a row for whoever hears them, whatever pre-skip or rounding the container has."""
    return round(place_ms / FRAME_MS) * FRAME_MS
