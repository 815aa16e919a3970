"""An opened file: Opus packets for the worker to pass through, or frames of everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, islice
from typing import Any, Final, TypeAlias

import av
from av.container import InputContainer

from timmybot.adapters.sources.children.media import demux, mp3, transcode
from timmybot.adapters.sources.children.media.containers import hold_tight, opened
from timmybot.adapters.sources.children.media.effects import HERTZ
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.stereo import resampled
from timmybot.adapters.sources.media_messages import FRAMES_LIMIT, Opened, Packet
from timmybot.adapters.sources.ramp import Ramp
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable
from timmybot.adapters.sources.tape import MOST_BYTES, PREROLL_MS, Tape
from timmybot.ports.track_source import FRAME_MS, Sound

AvPacket: TypeAlias = "av.Packet[av.AudioStream]"

KEPT_MS: Final = 5_000.0 + FRAMES_LIMIT * FRAME_MS + 2 * PREROLL_MS
"""How much of the track can be gone back to: a full buffer with its last run, and what decoding from there takes."""

LONGEST_OPUS: Final = 48 * 1_275
"""Bytes. Source: RFC 6716, section 3.2.1: 48 frames a packet."""

_STEREO_BYTES: Final = 8
"""Of one sample of 48 kHz stereo ``flt``."""
_MOST_SOUND_BYTES: Final = 3_000_000
"""Of decoded sound that is kept: 7.8 s."""
_LOSSLESS: Final = ("pcm_", "flac", "alac", "wavpack", "tta", "ape")
_LARGE_BYTES: Final = 400_000
"""Bytes a second of samples. From there on, packets of a lossless codec may take more room than 48 kHz stereo does."""


class OpenedTrack:
    """A file opened at ``position_ms``. Used on one thread at a time, and closed by its owner.

    Raises :class:`Refused`, and :class:`Unseekable` if it began elsewhere though told to go there ``seeking``.
    """

    def __init__(self, file: RemoteFile, position_ms: float, *, seeking: bool) -> None:
        self._file = file
        with ExitStack() as stack:
            container, self._sound = stack.enter_context(opened(file))
            source = _packets(stack, container, self._sound)
            first = demux.first_of(source, file.grant)
            plain = demux.plain_opus(container, self._sound)
            start, unit_ms = demux.time_scale(self._sound)
            self._told = Opened(plain, start, unit_ms, 0.0, [])
            if file.open().size is None and first:
                self._told = self._told._replace(shift_ms=position_ms - self._place_ms(first[0]))
            if position_ms > 0 and seeking and file.seekable():
                first, source = self._sought(stack, container, position_ms, first)
            if plain:
                self._told = self._told._replace(first=[_message(packet) for packet in first])
            self._source = source if plain else chain(first, source)
            self._tape: Tape[Any] = self._new_tape()
            self._open = stack.pop_all()

    @property
    def told(self) -> Opened:
        return self._told

    @property
    def begins_ms(self) -> float:
        """The earliest place that frames can be made from."""
        return self._tape.begins_ms

    def packets(self, count: int) -> list[Packet]:
        """The next packets behind the first; fewer than ``count`` only at the end."""
        found = []
        for packet in islice(self._source, count):
            self._file.grant()
            found.append(_message(packet))
        return found

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None, complexity: Callable[[], int]
    ) -> Iterator[bytes]:
        """Frames from ``position_ms`` on, or from where it is still possible. Ends a generator that was begun earlier:
        they share the file."""
        self._tape.keep_ms = KEPT_MS * max(1.0, sound.rate)
        pieces = self._tape.pieces(position_ms)
        decoded = pieces if self._keeps_sound else self._decoded(pieces)
        return transcode.frames(decoded, position_ms, sound, ramp, complexity)

    def close(self) -> None:
        self._open.close()

    @property
    def _keeps_sound(self) -> bool:
        """Whether decoded sound is kept for going back, because the packets would take more room."""
        context = self._sound.codec_context
        bytes_a_second = self._sound.rate * self._sound.channels * max(2, context.format.bytes if context.format else 4)
        return context.name.startswith(_LOSSLESS) and bytes_a_second > _LARGE_BYTES

    def _new_tape(self) -> Tape[Any]:
        if self._keeps_sound:
            return Tape(self._runs_of_sound(), KEPT_MS, lambda frame: frame.samples * _STEREO_BYTES, _MOST_SOUND_BYTES)
        return Tape(self._runs_of_packets(), KEPT_MS, lambda packet: packet.size, MOST_BYTES)

    def _runs_of_packets(self) -> Iterator[Sequence[tuple[float, AvPacket]]]:
        """Each packet is a run: so that a station is heard as it comes."""
        for packet in demux.without_jumps(self._source, self._told.unit_ms):
            self._file.grant()
            yield ((self._place_ms(packet), packet),)

    def _runs_of_sound(self) -> Iterator[Sequence[tuple[float, av.AudioFrame]]]:
        """48 kHz stereo, whatever the file has."""
        begins_ms, samples = 0.0, 0

        def timed() -> Iterator[av.AudioFrame]:
            nonlocal begins_ms
            for number, (time_ms, frame) in enumerate(self._decoded(chain.from_iterable(self._runs_of_packets()))):
                begins_ms = begins_ms if number else time_ms
                yield frame

        for frame in resampled(timed()):
            yield ((begins_ms + samples * 1000 / HERTZ, frame),)
            samples += frame.samples

    def _decoded(self, pieces: Iterator[tuple[float, AvPacket]]) -> Iterator[transcode.Timed]:
        decoder = self._sound.codec_context
        decoder.flush_buffers()
        return transcode.decoded_frames(pieces, decoder, demux.start_ms(self._sound) - self._told.shift_ms)

    def _sought(
        self, stack: ExitStack, container: InputContainer, position_ms: float, begun: list[AvPacket]
    ) -> tuple[list[AvPacket], Iterator[AvPacket]]:
        """The first packets from shortly before the position on, and those behind them. The file ``begun`` so."""
        by_share = mp3.goes_by_share(container, self._file.open().size)
        self._file.in_a_row(None)
        demux.seek(container, self._sound, max(0, int(position_ms - PREROLL_MS)))
        source = _packets(stack, container, self._sound)
        first = demux.first_of(source, self._file.grant)
        hold_tight(self._file, container)
        if first and self._told.plain and self._place_ms(first[0]) - self._told.shift_ms > position_ms + FRAME_MS:
            raise Unseekable
        if by_share and not mp3.came_there(begun, first):
            raise Unseekable
        return first, source

    def _place_ms(self, packet: AvPacket) -> float:
        assert packet.pts is not None
        return (packet.pts - self._told.start) * self._told.unit_ms + self._told.shift_ms


def _packets(stack: ExitStack, container: InputContainer, sound: av.AudioStream) -> Iterator[AvPacket]:
    """Closed by ``stack``, before the container is."""
    return stack.enter_context(closing(demux.packets(container, sound)))


def _message(packet: AvPacket) -> Packet:
    assert packet.pts is not None
    if packet.size > LONGEST_OPUS:
        raise Refused(Refusal.UNREADABLE)
    return Packet(packet.pts, packet.pos, packet.duration or 0, bytes(packet))
