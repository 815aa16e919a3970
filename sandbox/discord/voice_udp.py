"""The voice server's UDP socket: IP discovery, keep-alives, and audio.

Source: https://docs.discord.com/developers/topics/voice-connections ("IP Discovery").
Arrival times are the kernel's where it offers them, so that a busy event loop does not make packets look late.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable

DISCOVERY_BYTES, DISCOVERY_REQUEST, DISCOVERY_RESPONSE, DISCOVERY_LENGTH = 74, 1, 2, 70
KEEPALIVE_BYTES = 8
SO_TIMESTAMPNS = 35
"""From Linux' asm-generic/socket.h; Python does not name it."""
RECEIVE_BUFFER_BYTES = 4 << 20
BATCH = 64

Address = tuple[str, int]
OnAudio = Callable[[bytes, Address, float], None]


class VoiceUdp:
    """Answers what needs no session, and hands everything else to ``on_audio`` (datagram, sender, arrival)."""

    def __init__(self, on_audio: OnAudio) -> None:
        self._on_audio = on_audio
        self._socket = _new_socket()
        self.discoveries = 0
        self.deaf = False
        """A test may have the server lose every datagram: a network that eats UDP."""

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def open(self) -> None:
        """Listen on a free loopback port."""
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def hand_over(self) -> socket.socket:
        """Read no more: whoever takes the socket does. It is closed with this object all the same."""
        asyncio.get_running_loop().remove_reader(self._socket)
        return self._socket

    def move(self) -> None:
        """Listen on another port. Who goes on sending to the old one is told that nobody is there."""
        self.close()
        self._socket = _new_socket()
        self.open()

    def close(self) -> None:
        """Stop listening."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(BATCH):
            try:
                datagram, ancillary, _flags, address = self._socket.recvmsg(2048, 64)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                # An ICMP answer to something we sent: its receiver has gone.
                continue
            if not self.deaf:
                self._receive(datagram, address, _arrival(ancillary))

    def _receive(self, datagram: bytes, address: Address, at: float) -> None:
        if len(datagram) == DISCOVERY_BYTES and datagram[:4] == struct.pack(">HH", DISCOVERY_REQUEST, DISCOVERY_LENGTH):
            self.discoveries += 1
            ssrc = datagram[4:8]
            head = struct.pack(">HH", DISCOVERY_RESPONSE, DISCOVERY_LENGTH)
            self._answer(head + ssrc + struct.pack(">64sH", address[0].encode(), address[1]), address)
        elif len(datagram) == KEEPALIVE_BYTES:
            self._answer(datagram, address)
        else:
            self._on_audio(datagram, address, at)

    def _answer(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError:
            # As on a network, an answer may be lost.
            return


def _new_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    """The arrival on the monotonic clock, in seconds."""
    now = time.monotonic()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("@qq", data)
            waited = time.time() - (seconds + nanoseconds / 1e9)
            return now - waited if 0 <= waited < 60 else now
    return now
