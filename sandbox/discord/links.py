"""What the gateway and the voice gateway have in common: links that are greeted, must beat, and end.

Each link is one websocket. Its server reads one message after the other and closes the link with the code of
:class:`Closed`; a link that does not beat is closed with 4009, as voice documents it. For the main gateway Discord
documents no code; there it is 4009 as well, which leaves the session resumable.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiohttp import WSMessage, web

from sandbox.discord.clock import Clock
from sandbox.discord.connection import Connection
from sandbox.discord.gateway_codes import SESSION_TIMED_OUT

Session = TypeVar("Session")


class Closed(Exception):
    """The client did something for which its connection is closed."""

    def __init__(self, code: int) -> None:
        super().__init__(f"close {code}")
        self.code = code


@dataclass(eq=False)
class Link(Generic[Session]):
    """One connection while it lives: its session once there is one, and what it has sent lately."""

    connection: Connection
    session: Session | None = None
    last_heartbeat: float = 0.0
    sends: deque[float] = field(default_factory=deque)
    """When it sent something, as far back as its server counts."""


class LinkServer(ABC, Generic[Session]):
    """Serves links over websockets, each until it ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: set[Link[Session]] = set()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """The websocket endpoint."""
        connection = self._connection(request)
        await connection.ws.prepare(request)
        link: Link[Session] = Link(connection, last_heartbeat=self._clock.monotonic())
        self._links.add(link)
        beside = [asyncio.create_task(connection.write()), asyncio.create_task(self._watch_heartbeats(link))]
        try:
            self._greet(link, request)
            async for message in connection.ws:
                try:
                    self._receive(link, message)
                except Closed as closed:
                    connection.close(closed.code)
        finally:
            self._links.discard(link)
            self._lost(link)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return connection.ws

    def _close_links(self, code: int) -> None:
        for link in list(self._links):
            link.connection.close(code)

    async def _watch_heartbeats(self, link: Link[Session]) -> None:
        patience = self._patience_seconds()
        while True:
            rest = link.last_heartbeat + patience - self._clock.monotonic()
            if rest <= 0:
                link.connection.close(SESSION_TIMED_OUT)
                return
            await self._clock.sleep(rest)

    def _connection(self, request: web.Request) -> Connection:
        return Connection()

    @abstractmethod
    def _patience_seconds(self) -> float:
        """How long a link may go without a heartbeat."""

    @abstractmethod
    def _greet(self, link: Link[Session], request: web.Request) -> None:
        """Say Hello, or close a link that asks for what there is not."""

    @abstractmethod
    def _receive(self, link: Link[Session], message: WSMessage) -> None:
        """Do as the client says. Raises :class:`Closed`."""

    @abstractmethod
    def _lost(self, link: Link[Session]) -> None:
        """The connection is over: does its session wait to be resumed, or end?"""
