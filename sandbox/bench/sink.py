"""Counts what arrives by UDP, by the kernel's time of arrival: ``python -m sandbox.bench.sink``.

It prints its port. Each line that it is sent, ``<seconds> <file>``, has it write every arrival of the next seconds
into the file (a NumPy array of :data:`ARRIVAL`) and answer with a line. In between it is idle and its buffer overflows.

Datagrams are taken in batches (recvmmsg), so that at tens of thousands a second it stays out of the senders' way.
"""

from __future__ import annotations

import ctypes
import socket
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BATCH = 512
SLOT_BYTES = 16
"""What is kept of a datagram: its RTP header, and a little."""
CONTROL_BYTES = 64
BUFFER_BYTES = 64 * 1024**2
PAUSE_SECONDS = 0.01
SO_TIMESTAMPNS = 35
"""Source: Linux, asm-generic/socket.h."""

ARRIVAL = np.dtype([("time_ns", "<i8"), ("ssrc", "<u4"), ("timestamp", "<u4"), ("bytes", "<u4")])

# struct mmsghdr and struct iovec on 64-bit Linux. Source: recvmmsg(2), recvmsg(2).
_HEADER = np.dtype(
    [
        ("name", "<u8"),
        ("name_bytes", "<u8"),
        ("pieces", "<u8"),
        ("piece_count", "<u8"),
        ("control", "<u8"),
        ("control_bytes", "<u8"),
        ("flags", "<u8"),
        ("bytes", "<u8"),
    ]
)
_PIECE = np.dtype([("base", "<u8"), ("bytes", "<u8")])
_libc = ctypes.CDLL(None, use_errno=True)


class Receiver:
    """Reads one socket in batches."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._data = np.zeros((BATCH, SLOT_BYTES), np.uint8)
        self._control = np.zeros((BATCH, CONTROL_BYTES // 8), np.int64)
        self._pieces = np.zeros(BATCH, _PIECE)
        self._pieces["base"] = self._data.ctypes.data + np.arange(BATCH, dtype=np.uint64) * SLOT_BYTES
        self._pieces["bytes"] = SLOT_BYTES
        self._headers = np.zeros(BATCH, _HEADER)
        self._headers["pieces"] = self._pieces.ctypes.data + np.arange(BATCH, dtype=np.uint64) * _PIECE.itemsize
        self._headers["piece_count"] = 1
        self._headers["control"] = self._control.ctypes.data + np.arange(BATCH, dtype=np.uint64) * CONTROL_BYTES

    def batch(self) -> NDArray[np.void]:
        """What waits, up to a batch of it; maybe nothing."""
        self._headers["control_bytes"] = CONTROL_BYTES
        flags = socket.MSG_DONTWAIT | socket.MSG_TRUNC  # the second: tell the datagram's length, not what was kept
        count = _libc.recvmmsg(self._udp.fileno(), ctypes.c_void_p(self._headers.ctypes.data), BATCH, flags, None)
        count = max(count, 0)
        arrivals = np.zeros(count, ARRIVAL)
        arrivals["time_ns"] = self._control[:count, 2] * 1_000_000_000 + self._control[:count, 3]
        header = self._data[:count].view(">u4")
        arrivals["timestamp"], arrivals["ssrc"] = header[:, 1], header[:, 2]
        arrivals["bytes"] = self._headers["bytes"][:count] & 0xFFFFFFFF
        return arrivals


def record(receiver: Receiver, seconds: float) -> NDArray[np.void]:
    """Every arrival of the next ``seconds``."""
    begin = time.time_ns()
    end = begin + int(seconds * 1e9)
    batches = []
    while True:
        now = time.time_ns()
        arrivals = receiver.batch()
        batches.append(arrivals)
        if len(arrivals) < BATCH:
            if now >= end:
                break
            time.sleep(PAUSE_SECONDS)
        elif now >= end + 1_000_000_000:
            break
    together = np.concatenate(batches)
    return together[(together["time_ns"] >= begin) & (together["time_ns"] < end)]


def widen(udp: socket.socket) -> None:
    """Have it keep what comes while nobody reads."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, 33, BUFFER_BYTES)  # SO_RCVBUFFORCE, for which one must be root
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)


def _socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    widen(udp)
    udp.bind(("127.0.0.1", 0))
    return udp


def main() -> None:
    with _socket() as udp:
        receiver = Receiver(udp)
        print(udp.getsockname()[1], flush=True)
        for line in sys.stdin:
            seconds, path = line.split(maxsplit=1)
            with Path(path.strip()).open("wb") as file:
                np.save(file, record(receiver, float(seconds)))
            print("written", flush=True)


if __name__ == "__main__":
    main()
