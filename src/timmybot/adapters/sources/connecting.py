"""Happy Eyeballs: connecting to a host that has several addresses, of which some may be dead.

A connection to each address is begun a head start after the last one, or as soon as all that were begun have failed.
The first to stand wins and the others are closed. No thread is needed for that: the sockets do not block, and one
selector waits for all of them.

Source: RFC 8305 (Happy Eyeballs, version 2), sections 5 and 8.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from urllib3.connection import HTTPConnection

HEAD_START_SECONDS: Final = 0.25
"""Source: RFC 8305, 5, "Connection Attempt Delay"."""
CONNECT_SECONDS: Final = 4.0
"""How long each address may take to answer."""
MOST_TRIED: Final = 6
"""Addresses, each with a socket. The last one is begun after 1.25 s at the latest."""
_LOOK_SECONDS: Final = 0.1
"""How soon an abort is noticed."""
_RECEIVE_BYTES: Final = 128 * 1024
"""What the kernel holds of a file that is not read on yet. Left to itself it takes megabytes, which the task's memory
limit counts; this still brings 1.3 MB/s from a server that is 100 ms away."""
_OPTIONS: Final = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)]


class Dialler(Protocol):
    """What a race needs of the operating system."""

    def begin(self, address: str, port: int) -> socket.socket:
        """A socket that is being connected. Raises :class:`OSError`."""

    def wait(self, begun: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
        """Those of ``begun`` that stand or have failed by now, or by then."""

    def monotonic(self) -> float:
        """In seconds."""


class SystemDialler:
    """Implements :class:`Dialler`."""

    def begin(self, address: str, port: int) -> socket.socket:
        flags = socket.AI_NUMERICHOST  # so that no name is looked up here, whatever comes in
        family, kind, protocol, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)[0]
        one = socket.socket(family, kind, protocol)
        try:
            for option in _OPTIONS:
                one.setsockopt(*option)
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(target)
        except BaseException:
            one.close()
            raise
        return one

    def wait(self, begun: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
        with selectors.DefaultSelector() as selector:
            by_number = {selector.register(one, selectors.EVENT_WRITE).fd: one for one in begun}
            return [by_number[key.fd] for key, _ in selector.select(seconds)]

    def monotonic(self) -> float:
        return time.monotonic()


def first_connected(
    addresses: Sequence[str], port: int, check: Callable[[], None], dialler: Dialler
) -> tuple[str, socket.socket]:
    """The first of ``addresses`` that answers, and a socket connected to it, which does not block.

    ``check`` is called time and again, and raises when nobody waits any more. Raises :class:`OSError`, the last
    address's, when none answers; :class:`TimeoutError` if that one stays silent.
    """
    race = _Race(addresses[:MOST_TRIED], port, dialler)
    try:
        while not race.is_over:
            check()
            race.go_on()
        return race.result()
    finally:
        race.close()


class _Race:
    def __init__(self, addresses: Sequence[str], port: int, dialler: Dialler) -> None:
        self._waiting = list(addresses)
        self._port = port
        self._dialler = dialler
        self._begun: dict[socket.socket, tuple[str, float]] = {}
        """The address of each socket, and when it is given up."""
        self._next_at = dialler.monotonic()
        self._trouble: OSError = TimeoutError(errno.ETIMEDOUT, "no address answered")
        self._winner: tuple[str, socket.socket] | None = None

    @property
    def is_over(self) -> bool:
        return self._winner is not None or not (self._waiting or self._begun)

    def go_on(self) -> None:
        now = self._dialler.monotonic()
        self._give_up(now)
        if self._waiting and (not self._begun or now >= self._next_at):
            self._begin(self._waiting.pop(0), now)
            return
        if not self._begun:
            return
        until = min(ends_at for _, ends_at in self._begun.values())
        if self._waiting:
            until = min(until, self._next_at)
        seconds = min(max(until - now, 0.0), _LOOK_SECONDS)
        for one in self._dialler.wait(list(self._begun), seconds):
            self._settle(one)

    def result(self) -> tuple[str, socket.socket]:
        if self._winner is None:
            raise self._trouble
        return self._winner

    def close(self) -> None:
        """Close all but the winner."""
        for one in self._begun:
            one.close()
        self._begun.clear()

    def _begin(self, address: str, now: float) -> None:
        try:
            self._begun[self._dialler.begin(address, self._port)] = address, now + CONNECT_SECONDS
        except OSError as error:
            self._trouble = error
        else:
            self._next_at = now + HEAD_START_SECONDS

    def _give_up(self, now: float) -> None:
        for one in [one for one, (_, ends_at) in self._begun.items() if now >= ends_at]:
            del self._begun[one]
            one.close()
            self._trouble = TimeoutError(errno.ETIMEDOUT, "the address did not answer")

    def _settle(self, one: socket.socket) -> None:
        if self._winner is not None:
            return
        address, _ = self._begun.pop(one)
        failed = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            one.close()
            self._trouble = OSError(failed, os.strerror(failed))
        else:
            self._winner = address, one
