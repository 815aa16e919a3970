"""A file that remembers what was last read of it in a row, so that a second reader can begin within that."""

from __future__ import annotations

from timmybot.adapters.sources.fetch import HttpFile

MOST_REMEMBERED = 512 * 1024
"""More is not read to open a file, unless it has something large in it; then nothing is remembered."""


class RememberingFile(HttpFile):
    """Remembers until :meth:`forget` is called."""

    _remembers = True
    _begin = 0
    _pieces: tuple[bytes, ...] = ()

    def read(self, size: int = -1) -> bytes:
        begin = self.tell()
        data = super().read(size)
        if self._remembers and data:
            length = sum(map(len, self._pieces))
            if begin != self._begin + length or length > MOST_REMEMBERED:
                self._begin, self._pieces = begin, ()
            self._pieces = (*self._pieces, data)
        return data

    def remembered(self) -> tuple[int, bytes]:
        """Where it begins, and what it is. It ends where reading goes on, or there is none."""
        data = b"".join(self._pieces)
        return (self._begin, data) if self._begin + len(data) == self.tell() else (self.tell(), b"")

    def forget(self) -> None:
        """Remember nothing from now on."""
        self._remembers, self._pieces = False, ()
