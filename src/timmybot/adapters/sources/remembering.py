"""A file that remembers what was last read of it in a row, so that a second reader can begin within that."""

from __future__ import annotations

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import Waiting

MOST_REMEMBERED = 512 * 1024
"""More is not read to open a file, unless it has something large in it; then nothing is remembered."""


class RememberingFile(HttpFile):
    """Remembers until :meth:`forget` is called."""

    def __init__(self, url: str, policy: AddressPolicy, waiting: Waiting | None = None) -> None:
        super().__init__(url, policy, waiting)
        self._begin = self._end = 0
        self._pieces: list[bytes] | None = []
        """In a row from ``_begin`` to ``_end``; ``None`` if nothing is to be remembered."""

    def read(self, size: int = -1) -> bytes:
        begin = self.tell()
        data = super().read(size)
        if self._pieces is not None and data:
            if begin != self._end or self._end - self._begin > MOST_REMEMBERED:
                self._begin, self._pieces = begin, []
            self._pieces.append(data)
            self._end = begin + len(data)
        return data

    def remembered(self) -> tuple[int, bytes]:
        """Where it begins, and what it is. It ends where reading goes on, or there is none."""
        if self._pieces is None or self._end != self.tell():
            return self.tell(), b""
        return self._begin, b"".join(self._pieces)

    def forget(self) -> None:
        """Remember nothing from now on."""
        self._pieces = None
