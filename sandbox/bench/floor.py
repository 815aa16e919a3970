"""The floor: demux, DAVE, AES-GCM and send of one stream, in the leanest loop that Python has for it.

No pacing, no buffer, no thread, no player: nobody can play music like this, and nobody can play it cheaper from here.
``paced`` is the same work over many streams with a sleep between the slots: what waking up and cold caches add.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import av
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.bench.dave import ready_session
from sandbox.bench.standing import Place, place, stand

SLOT_SECONDS = 0.020


def datagrams(path: str, ssrc: int) -> Iterator[bytes]:
    """One stream's datagrams."""
    end_to_end, encrypt = ready_session().encrypt_opus, AESGCM(os.urandom(32)).encrypt
    pack, rest = struct.Struct(">HHII").pack, bytes(8)
    with av.open(path) as container:
        for number, packet in enumerate(container.demux(container.streams.audio[0])):
            header = pack(0x8078, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc)
            nonce = number.to_bytes(4, "big")
            yield header + encrypt(nonce + rest, end_to_end(bytes(packet)), header) + nonce


class Floor:
    def __init__(self, at: Place) -> None:
        self._at = at
        self._sockets: list[socket.socket] = []
        self._streams: list[Iterator[bytes]] = []

    async def run(self, frames: int) -> dict[str, Any]:
        """Send ``frames`` of one stream as fast as it goes."""
        self._grow(1)
        send = self._sockets[0].send
        begin, sent = _cpu_seconds(), 0
        for datagram in itertools.islice(self._streams[0], frames):
            send(datagram)
            sent += 1
        return {"cpu_seconds": _cpu_seconds() - begin, "frames": sent}

    async def paced(self, streams: int, seconds: float) -> dict[str, Any]:
        """Send each stream's frames every 20 ms."""
        self._grow(streams)
        each = [(udp.send, stream.__next__) for udp, stream in zip(self._sockets, self._streams, strict=True)]
        begin, start, slots = _cpu_seconds(), time.perf_counter(), int(seconds / SLOT_SECONDS)
        for slot in range(slots):
            wait = start + slot * SLOT_SECONDS - time.perf_counter()
            if wait > 0:
                time.sleep(wait)  # noqa: ASYNC251  # nothing else is to run here
            for send, following in each[:streams]:
                send(following())
        return {"cpu_seconds": _cpu_seconds() - begin, "frames": slots * streams}

    def _grow(self, streams: int) -> None:
        for ssrc in range(len(self._streams) + 1, streams + 1):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.connect(("127.0.0.1", self._at.sink_port))
            self._sockets.append(udp)
            self._streams.append(datagrams(self._at.song, ssrc))
            next(self._streams[-1])  # opens the file


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    floor = Floor(place())
    asyncio.run(stand({"run": floor.run, "paced": floor.paced}))


if __name__ == "__main__":
    main()
