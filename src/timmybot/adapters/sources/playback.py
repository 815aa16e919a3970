"""The packets of one URL, by whatever way of making them fits it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain, islice

import av
from av.container import InputContainer

from timmybot.adapters.sources import demux, transcode
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.containers import opened
from timmybot.adapters.sources.fetch import HttpFile


class Playback:
    """One playing of one URL. Its generator is used by one thread at a time; :meth:`abort` by any."""

    def __init__(self, url: str, policy: AddressPolicy) -> None:
        self._url = url
        self._policy = policy
        self._file: HttpFile | None = None
        self._aborted = False

    def packets(self, position_ms: int) -> Generator[bytes, None, None]:
        """20 ms Opus packets from ``position_ms`` on. Raises :class:`TrackError`.

        A file that does not let itself be sought in is read from its beginning up to the position, and one whose
        packets change their length on the way is decoded from there on: both by reading it anew.
        """
        through, seeking = True, True
        place: int | None = position_ms
        while place is not None:
            self._file = HttpFile(self._url, self._policy)
            try:
                if self._aborted:
                    self._file.abort()
                place = yield from _read(self._file, place, through=through, seeking=seeking)
                through = False
            except demux.Unseekable:
                seeking = False
            finally:
                self._file.close()

    def abort(self) -> None:
        """Have the generator stop waiting for the network. Never waits."""
        self._aborted = True
        if self._file is not None:
            self._file.abort()


def _read(file: HttpFile, position_ms: int, *, through: bool, seeking: bool) -> Generator[bytes, None, int | None]:
    """Packets to the end (then ``None``), or to the place in milliseconds from where it must be decoded."""
    with opened(file) as (container, sound):
        source = demux.packets(container, sound)
        first = list(islice(source, demux.LOOKED_AT))
        through = through and demux.passes_through(container, sound, first)
        if position_ms > 0 and file.open().size is None:
            position_ms = 0  # without a length it may be live, and what live was playing then is gone
        if position_ms > 0 and seeking and file.seekable():
            demux.seek(container, sound, position_ms)
            source = demux.packets(container, sound)
        else:
            source = chain(first, source)
        return (yield from _frames(container, sound, source, position_ms, through=through))


def _frames(
    container: InputContainer,
    sound: av.AudioStream,
    source: Iterator[av.Packet[av.AudioStream]],
    position_ms: int,
    *,
    through: bool,
) -> Generator[bytes, None, int | None]:
    if through:
        return (yield from demux.frames(source, sound, position_ms))
    yield from transcode.frames(source, sound, position_ms)
    return None
