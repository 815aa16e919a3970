"""One answer's bytes, read in a row, of which the last ones can be read again."""

from __future__ import annotations

from typing import Final

import urllib3

from timmybot.adapters.sources.exchange import Exchange

KEPT_BYTES: Final = 64 * 1024
"""How much of what was read last is kept at least, and twice that at most. FFmpeg takes half of it at a time, and
whoever looks at a file's beginning and then at its end comes back to within that."""


class Body:
    """From ``place`` of the file on. Not for two threads at once."""

    def __init__(self, exchange: Exchange, response: urllib3.HTTPResponse, place: int) -> None:
        self.exchange = exchange
        self.place = place
        """Of the byte that the answer gives next."""
        self._response = response
        self._kept: bytearray | None = bytearray()
        """What was read last; ``None`` if nothing is to be kept any more."""

    def reaches(self, place: int, most_ahead: int) -> bool:
        """Whether ``place`` is among what is kept, or at most so many bytes ahead."""
        return self.place - len(self._kept or b"") <= place <= self.place + most_ahead

    def again(self, place: int, wanted: int) -> bytes:
        """At most ``wanted`` bytes that were read before, from ``place`` on; none if it lies ahead."""
        kept = self._kept or b""
        begin = len(kept) - (self.place - place)
        return bytes(kept[begin : begin + wanted]) if 0 <= begin < len(kept) else b""

    def read(self, wanted: int) -> bytes:
        """At most ``wanted`` further bytes; none at the end. Raises one of ``exchange.BROKEN``."""
        data = self._response.read1(wanted, decode_content=False)
        self.place += len(data)
        if self._kept is not None:
            self._kept += data
            if len(self._kept) > 2 * KEPT_BYTES:
                del self._kept[:-KEPT_BYTES]
        return data

    def forget(self) -> None:
        """Keep nothing from now on."""
        self._kept = None
