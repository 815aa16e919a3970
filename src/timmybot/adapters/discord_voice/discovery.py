"""IP discovery: ask the voice server which address our datagrams come from.

Source: Discord, Voice Connections, "IP Discovery": 74 bytes; type, length of what follows the two (70), SSRC, 64 bytes
of address, port; all big-endian.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final

PACKET: Final = struct.Struct(">HHI64sH")
_REQUEST: Final = 1
_RESPONSE: Final = 2
_LENGTH: Final = 70
_TRIES: Final = 4
_TRY_SECONDS: Final = 0.75


class DiscoveryFailed(Exception):
    """The voice server did not tell our address: UDP to it seems to be blocked."""


def request(ssrc: int) -> bytes:
    return PACKET.pack(_REQUEST, _LENGTH, ssrc, b"", 0)


def parse(packet: bytes, ssrc: int) -> tuple[str, int] | None:
    """Our address and port, or ``None`` if the packet is something else."""
    if len(packet) != PACKET.size:
        return None
    kind, length, of, address, port = PACKET.unpack(packet)
    if (kind, length, of) != (_RESPONSE, _LENGTH, ssrc):
        return None
    return address.split(b"\0", 1)[0].decode("ascii", "replace"), port


async def discover(udp: socket.socket, ssrc: int) -> tuple[str, int]:
    """Ask over the connected, non-blocking socket, again now and then. Raises :class:`DiscoveryFailed`."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_TRY_SECONDS):
                await loop.sock_sendall(udp, request(ssrc))
                while (found := parse(await loop.sock_recv(udp, 2048), ssrc)) is None:
                    pass
                return found
    raise DiscoveryFailed("The voice server does not answer over UDP. Check that outgoing UDP is not blocked.")
