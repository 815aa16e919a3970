"""A voice server whose every word the test decides, well-behaved or not."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Script = Callable[["RawVoice", ServerConnection], Awaitable[None]]

HELLO = {"op": 8, "d": {"v": 8, "heartbeat_interval": 13750}}
MODE = "aead_xchacha20_poly1305_rtpsize"


@dataclass
class RawVoice:
    """What was connected to it, and where its UDP socket is."""

    endpoint: str
    trust: Callable[[ssl.SSLContext], None]
    """Have a client's context trust it."""
    udp: socket.socket
    connections: int = 0
    received: list[Any] = field(default_factory=list)

    async def shake_hands(self, websocket: ServerConnection, *, dave: int = 0, then: Sequence[bytes] = ()) -> None:
        """Everything up to the session description, correctly; and ``then`` what is sent in the same breath."""
        ip, port = self.udp.getsockname()
        await websocket.send(json.dumps(HELLO))
        await self._until(websocket, (0, 7))
        ready = {"ssrc": 7, "ip": ip, "port": port, "modes": [MODE], "heartbeat_interval": 1}
        await websocket.send(json.dumps({"op": 2, "d": ready}))
        loop = asyncio.get_running_loop()
        asked, address = await loop.sock_recvfrom(self.udp, 2048)
        answer = b"\x00\x02\x00\x46" + asked[4:8] + address[0].encode().ljust(64, b"\0") + address[1].to_bytes(2, "big")
        await loop.sock_sendto(self.udp, answer, address)
        await self._until(websocket, (1,))
        description = {"mode": MODE, "secret_key": list(range(32)), "dave_protocol_version": dave}
        messages: list[str | bytes] = [json.dumps({"op": 4, "d": description}), *then]
        await asyncio.gather(*(websocket.send(message) for message in messages))

    async def drain(self, websocket: ServerConnection) -> None:
        """Read what comes until the client hangs up."""
        with suppress(ConnectionClosed):
            async for message in websocket:
                self.received.append(message)

    async def _until(self, websocket: ServerConnection, ops: tuple[int, ...]) -> None:
        while True:
            message = await websocket.recv()
            self.received.append(message)
            if isinstance(message, str) and json.loads(message)["op"] in ops:
                return


@asynccontextmanager
async def raw_voice(script: Script) -> AsyncIterator[RawVoice]:
    """Serve ``script`` to every client that connects."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        udp.bind(("127.0.0.1", 0))
        raw = RawVoice("", authority.configure_trust, udp)

        async def handle(websocket: ServerConnection) -> None:
            raw.connections += 1
            with suppress(ConnectionClosed):
                await script(raw, websocket)

        async with serve(handle, "127.0.0.1", 0, ssl=tls, close_timeout=0.2, max_size=None) as server:
            raw.endpoint = "{}:{}".format(*next(iter(server.sockets)).getsockname()[:2])
            yield raw
