"""Addresses that answer, refuse or stay silent, on a clock of their own."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import cast


class FakeSocket:
    def __init__(self, address: str, settled_at: float, error: int) -> None:
        self.address = address
        self.settled_at = settled_at
        self.closed = False
        self._error = error

    def getsockopt(self, _level: int, _option: int) -> int:
        return self._error

    def close(self) -> None:
        self.closed = True


class FakeDialler:
    """Implements ``connecting.Dialler``. ``answers``: after how many seconds an address answers, and with which error
    (0 for none). One that is not named stays silent; one that answers after less than 0 s is refused by our own side.
    """

    def __init__(self, answers: dict[str, tuple[float, int]]) -> None:
        self._answers = answers
        self._now = 1_000.0
        self._begun_at = self._now
        self.begun: list[tuple[str, float]] = []
        """Addresses, and after how many seconds they were begun."""
        self.sockets: list[FakeSocket] = []

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return round(self._now - self._begun_at, 6)

    @property
    def open_sockets(self) -> list[str]:
        return [one.address for one in self.sockets if not one.closed]

    def begin(self, address: str, port: int) -> socket.socket:
        self.begun.append((address, self.seconds))
        after, error = self._answers.get(address, (float("inf"), 0))
        if after < 0:
            raise OSError(error, "no way there")
        self.sockets.append(FakeSocket(address, self._now + after, error))
        return cast(socket.socket, self.sockets[-1])

    def wait(self, begun: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
        waited_for = [cast(FakeSocket, one) for one in begun]
        first = min(one.settled_at for one in waited_for)
        self._now = max(self._now, min(first, self._now + seconds))
        return [cast(socket.socket, one) for one in waited_for if one.settled_at <= self._now]

    def monotonic(self) -> float:
        return self._now
