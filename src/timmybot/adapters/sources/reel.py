"""One opened file, and the frames that are made of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import Any, TypeAlias

import av
from av.container import InputContainer

from timmybot.adapters.sources import demux, transcode
from timmybot.adapters.sources.containers import opened, plain_errors
from timmybot.adapters.sources.effects import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.tape import PREROLL_MS, Tape
from timmybot.ports.track_source import FRAME_MS, Sound

KEPT_MS = 5_000.0 + 2 * PREROLL_MS
"""How much of the track can be gone back to: what a full buffer holds, and what decoding from there takes."""

Packet: TypeAlias = "av.Packet[av.AudioStream]"


class Reel:
    """A file opened at ``position_ms``. Used on one thread at a time, and closed by its owner.

    Raises :class:`TrackError`, and :class:`demux.Unseekable` if it began elsewhere though told to go there ``seeking``.
    """

    def __init__(self, file: HttpFile, position_ms: float, *, seeking: bool) -> None:
        self._file = file
        with ExitStack() as stack:
            with file.awaited():  # FFmpeg may compute for long over hostile tags, and cannot be stopped meanwhile
                container, self._sound = stack.enter_context(opened(file))
            source = demux.packets(container, self._sound)
            first = list(islice(source, demux.LOOKED_AT))
            self._plain = demux.plain_opus(container, self._sound)
            self._through = self._plain and demux.in_frames(first)
            self._shift_ms = 0.0
            """What is added to the file's own times: what has no length begins where listening does."""
            if file.open().size is None and first:
                self._shift_ms = position_ms - next(demux.timed(iter(first), self._sound))[0]
            if position_ms > 0 and seeking and file.seekable():
                source = self._sought(container, position_ms)
            else:
                source = chain(first, source)
            self.tape: Tape[Any] = Tape(self._pieces(source), KEPT_MS)
            self._open = stack.pop_all()

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[bytes, None, None]:
        """20 ms Opus packets from ``position_ms`` on, or from where it is still possible.

        Ends a generator that was begun earlier: they share the file.
        """
        self.tape.keep_ms = KEPT_MS * max(1.0, sound.rate)
        with plain_errors():
            if self._through and sound.untouched:
                if ramp is not None and ramp.begin != ramp.end:
                    yield from islice(self._made(position_ms, sound, ramp), RAMP_FRAMES)
                    position_ms += RAMP_FRAMES * FRAME_MS
                place = yield from demux.frames(self.tape.pieces(position_ms), position_ms)
                if place is None:
                    return
                self._through, position_ms, ramp = False, float(place), None
            yield from self._made(position_ms, sound, ramp)

    def close(self) -> None:
        self._open.close()
        self._file.close()

    def _made(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Iterator[bytes]:
        pieces = self.tape.pieces(position_ms)
        if self._plain:
            return transcode.frames(transcode.opus_decoded(pieces), position_ms, sound, ramp)
        decoder = self._sound.codec_context
        decoder.flush_buffers()
        decoded = transcode.decoded_frames(pieces, decoder, demux.start_ms(self._sound) - self._shift_ms)
        return transcode.frames(decoded, position_ms, sound, ramp)

    def _sought(self, container: InputContainer, position_ms: float) -> Iterator[Packet]:
        demux.seek(container, self._sound, max(0, int(position_ms - PREROLL_MS)))
        source = demux.packets(container, self._sound)
        first = next(source, None)
        if first is None:
            return iter(())
        time_ms, _ = next(demux.timed(iter([first]), self._sound))
        if self._plain and time_ms > position_ms + FRAME_MS:
            raise demux.Unseekable
        return chain([first], source)

    def _pieces(self, source: Iterator[Packet]) -> Iterator[tuple[float, Packet | bytes]]:
        start, unit_ms = demux.time_scale(self._sound)
        shift_ms, plain, grant = self._shift_ms, self._plain, self._file.grant
        for packet in source:
            grant()
            assert packet.pts is not None
            place_ms = (packet.pts - start) * unit_ms + shift_ms
            if self._through:
                # Frames stand in a row for whoever hears them, whatever pre-skip or rounding the container has.
                yield round(place_ms / FRAME_MS) * FRAME_MS, bytes(packet)
            else:
                yield place_ms, bytes(packet) if plain else packet
        self._file.rest()
