"""One websocket, of the gateway or of voice: messages leave in order, a close after what was sent before it."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Any

from aiohttp import web

CLOSE_TIMEOUT_SECONDS = 1.0
ABNORMAL = 1006
"""What a connection that broke without a close frame is recorded as (RFC 6455, 7.1.5)."""


class Connection:
    """The sending half of a websocket. :meth:`send` never waits, so state changes are told in the order they happen."""

    def __init__(self, *, zlib_stream: bool = False, look: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
        """``look`` sees each JSON message before it is sent."""
        self.ws = web.WebSocketResponse(timeout=CLOSE_TIMEOUT_SECONDS, compress=False)
        self.closing_code: int | None = None
        """The code we close with, once we have decided to."""
        self.flowing = asyncio.Event()
        """Cleared while what is sent is held up on its way, to arrive in its order when it is set again."""
        self.flowing.set()
        self._look = look
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._deflate = zlib.compressobj() if zlib_stream else None

    def send(self, message: dict[str, Any] | bytes) -> None:
        """Queue a JSON message, or a binary frame."""
        if self.closing_code is None:
            if isinstance(message, dict):
                self._look(message)
            self._outbox.put_nowait(message)

    def close(self, code: int) -> None:
        """Close after everything queued so far has been sent. Only the first close counts."""
        if self.closing_code is None:
            self.closing_code = code
            self._outbox.put_nowait(None)

    @property
    def close_code(self) -> int:
        """The code the connection ended with, whoever closed it."""
        return self.closing_code or self.ws.close_code or ABNORMAL

    async def write(self) -> None:
        """Send what is queued until told to close. Runs as a task beside the handler that reads."""
        while (message := await self._outbox.get()) is not None:
            await self.flowing.wait()
            try:
                await self._transmit(message)
            except ConnectionError:
                return
        await self.ws.close(code=self.closing_code or ABNORMAL)

    async def _transmit(self, message: dict[str, Any] | bytes) -> None:
        if isinstance(message, bytes):
            await self.ws.send_bytes(message)
            return
        text = json.dumps(message)
        if self._deflate:
            # One zlib stream per connection, flushed at each message (docs: events/gateway, "zlib-stream").
            data = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            await self.ws.send_bytes(data)
        else:
            await self.ws.send_str(text)
