"""The way from workers and functions to AWS: a relay on loopback that can fall silent or refuse."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 16


class Condition(Enum):
    OPEN = "open"
    SILENT = "silent"
    """Connections are accepted and nothing comes back. What was sent meanwhile arrives when the link opens again."""
    REFUSING = "refusing"
    """Connections are cut, and so is every new one."""


class Link:
    """Relays every connection to one address, for as long as the context is open."""

    def __init__(self) -> None:
        self._target: tuple[str, int] = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None
        self._condition = Condition.OPEN
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""
        """Where the link begins, without a slash at the end."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()

    def lead_to(self, url: str) -> None:
        """Where the link ends."""
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None  # noqa: PT018  # no test: a checked argument
        self._target = parts.hostname, parts.port

    async def set(self, condition: Condition) -> None:
        """From now on the link is as ``condition`` says."""
        self._condition = condition
        if condition is Condition.SILENT:
            self._may_pass.clear()
        else:
            self._may_pass.set()
        if condition is Condition.REFUSING:
            await self._cut()

    async def _cut(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            await _closed(writer)
            self._connections.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._condition is Condition.REFUSING:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far_writer))
                both.create_task(self._pump(far_reader, writer))
        except* OSError:
            writer.transport.abort()
        finally:
            await _closed(far_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._may_pass.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close the connection and see it closed: an event loop that ends first would leave the socket behind."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
