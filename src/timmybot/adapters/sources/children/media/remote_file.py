"""A file whose bytes the worker fetches. FFmpeg reads it in place of the network."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from timmybot.adapters.sources.allowance import Allowance
from timmybot.adapters.sources.refusal import Refusal, Refused

Read = Callable[[int, int, int], bytes | None]
"""Has the worker read: a place, at most so many bytes, and how many packets of sound came since the last read. No bytes
at the end of the file, ``None`` where reading failed."""

_USUAL_BYTES = 64 * 1024
_MOST_EARNED = 0xFFFF


@dataclass(frozen=True)
class RemoteOpened:
    """What the server said about the file."""

    size: int | None
    """In bytes; ``None`` if not said."""


class RemoteFile(io.RawIOBase):
    """Read-only, and used by one thread. Its allowance bounds what it may cost without sound coming of it."""

    def __init__(self, read: Read, *, size: int | None, seekable: bool) -> None:
        super().__init__()
        self._read = read
        self._opened = RemoteOpened(size)
        self._seekable = seekable
        self._position = 0
        self._over = False
        self._earned = 0
        self._allowance = Allowance()

    def open(self) -> RemoteOpened:
        return self._opened

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        """Whether the worker can go back in it at a fair price."""
        return self._seekable

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            if self._opened.size is None:
                raise OSError("the size is not known")
            offset += self._opened.size
        self._position = max(offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; none at the end of the file, and after an error. Raises :class:`Refused`."""
        if self._over:
            return b""
        try:
            return self._read_on(size if size > 0 else _USUAL_BYTES)
        except Refused:
            self._over = True  # FFmpeg tries again and would have the same error many times over
            raise

    def grant(self) -> None:
        """A packet of sound came: allow as many bytes again. Raises :class:`Refused` if it took too much CPU."""
        self._earned = min(self._earned + 1, _MOST_EARNED)
        try:
            self._allowance.earn()
        except Refused:
            self._over = True
            raise

    def in_a_row(self, most: int | None) -> None:
        """From here on allow ``most`` bytes to be read in a row without sound: ``None`` for any number."""
        self._allowance.in_a_row(most)

    def _read_on(self, size: int) -> bytes:
        known = self._opened.size
        if known is not None and self._position >= known:
            return b""
        earned, self._earned = self._earned, 0
        data = self._read(self._position, size, earned)
        if data is None:
            raise Refused(Refusal.SOURCE_FAILED)
        self._position += len(data)
        self._over = self._over or not data
        self._allowance.spend(len(data), self._position)
        return data
