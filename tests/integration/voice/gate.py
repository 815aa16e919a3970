"""A gate before a voice server: it lets connections pass, has them wait, or leads them elsewhere.

What it relays stays encrypted, so that behind it the fake Discord is what it always is. With it a test decides when the
bot hears of something that would else be a race: between the voice server's word and the gateway's, between a
connection that is being made and whatever happens meanwhile.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from sandbox.discord.voice import Voice

CHUNK_BYTES = 1 << 16


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(eq=False)
class _Way:
    """Both directions of one connection."""

    to_server: asyncio.Event = field(default_factory=_open)
    to_bot: asyncio.Event = field(default_factory=_open)


class Gate:
    """Open at first. Everything that it holds up arrives, in order, when it is opened again."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._target = ""
        self._entry = _open()
        self._ways: set[_Way] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.endpoint = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def stand_before(self, voice: Voice) -> None:
        """From now on Discord names the gate as its voice server."""
        self._target, voice.endpoint = voice.endpoint, self.endpoint

    def lead_to(self, endpoint: str) -> str:
        """Lead whoever connects from now on to another server. Returns to which it led before."""
        before, self._target = self._target, endpoint
        return before

    def shut(self) -> None:
        """Whoever connects from now on waits."""
        self._entry.clear()

    def hush(self) -> None:
        """Nothing that the server says over the present connections reaches the bot, their end included."""
        for way in self._ways:
            way.to_bot.clear()

    def deafen(self) -> None:
        """Nothing that the bot says over the present connections reaches the server."""
        for way in self._ways:
            way.to_server.clear()

    def open(self) -> None:
        self._entry.set()
        for way in self._ways:
            way.to_bot.set()
            way.to_server.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._entry.wait()
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            await _closed(writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._target.partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        way = _Way()
        self._ways.add(way)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer, way.to_server))
                both.create_task(_pump(far_reader, writer, way.to_bot))
        except* OSError:
            writer.transport.abort()
        finally:
            self._ways.discard(way)
            await _closed(far_writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event) -> None:
    while data := await reader.read(CHUNK_BYTES):
        await may_pass.wait()
        writer.write(data)
        await writer.drain()
    await may_pass.wait()
    writer.close()  # of TLS there is no half-closed connection


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
