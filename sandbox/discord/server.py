"""Everything joined: one plain HTTP server (REST and gateway), one TLS server (voice gateway), one UDP socket."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from aiohttp import web

from sandbox.discord.clock import Clock, SystemClock
from sandbox.discord.endpoint import InteractionsEndpoint
from sandbox.discord.gateway import Gateway
from sandbox.discord.gateway_codes import GOING_AWAY
from sandbox.discord.interactions import Interactions
from sandbox.discord.line import Line
from sandbox.discord.log import Log
from sandbox.discord.rest import BODY_LIMIT_BYTES, PREFIX, Rest
from sandbox.discord.rest_routes import Routes
from sandbox.discord.voice import Voice
from sandbox.discord.voice_gateway import VoiceGateway
from sandbox.discord.voice_states import VoiceStates
from sandbox.discord.world import Application, Guild, World

LOOPBACK = "127.0.0.1"
SHUTDOWN_SECONDS = 2.0


class FakeDiscord:
    """See the package's docstring for how to use it. ``directory`` gets the certificate of :attr:`ca_file`.

    ``latency_seconds`` is how far away Discord is: 0 where the test's clock stands still, or where only the bot is
    measured.
    """

    def __init__(
        self, directory: Path, *, clock: Clock | None = None, seed: int = 0, latency_seconds: float = 0.0
    ) -> None:
        self._directory = directory
        self.clock: Clock = clock or SystemClock()
        self.log = Log()
        self.world = World(self.clock, seed)
        self.gateway = Gateway(self.world, self.log)
        self.voice = Voice(self.world, self.log)
        self._endpoint = InteractionsEndpoint(self.world)
        self.line = Line(latency_seconds)
        self.interactions = Interactions(self.world, self._endpoint, self.line)
        self.rest = Rest(self.world, self.gateway, self.log, self.line)
        self._voice_gateway = VoiceGateway(self.voice)
        self.world.publish = self.gateway.sessions.publish
        self.world.interactions = self.interactions
        self.world.voice_states = VoiceStates(self.world, self.voice)
        self._runners: list[web.AppRunner] = []
        self._expiry: asyncio.Task[None] | None = None
        self.api_url = ""
        """Where the REST API is, without a slash at the end. Known once the server runs."""

    @property
    def ca_file(self) -> Path:
        """The certificate (PEM) that voice clients must trust, e.g. by ``SSL_CERT_FILE``."""
        return self._directory / "discord-ca.pem"

    def create_application(self, name: str) -> Application:
        """Register a bot."""
        return self.world.create_application(name)

    def create_guild(self, name: str, app: Application, shard: int = 0, of: int = 1) -> Guild:
        """A guild with the bot in it, a text and a voice channel, and an id that routes to ``shard`` of ``of``."""
        return self.world.create_guild(name, app, shard, of)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if error is None:
            self.world.look.check()

    async def _start(self) -> None:
        await self._endpoint.open()
        self.voice.udp.open()
        plain = web.Application(client_max_size=BODY_LIMIT_BYTES)
        plain.router.add_get("/gateway", self.gateway.handle)
        plain.router.add_get("/gateway/", self.gateway.handle)
        Routes(self.rest, self.interactions, self._endpoint).install(plain.router)
        plain.router.add_route("*", "/{path:.*}", self.rest.not_found)
        port = await self._serve(plain, None)
        self.api_url = f"http://{LOOPBACK}:{port}{PREFIX}"
        self.gateway.url = f"ws://{LOOPBACK}:{port}/gateway"
        voice = web.Application()
        voice.router.add_get("/", self._voice_gateway.handle)
        self.voice.endpoint = f"{LOOPBACK}:{await self._serve(voice, self._certificate())}"
        self._expiry = asyncio.create_task(self.gateway.expire_sessions())

    async def close(self) -> None:
        """Close every connection, and leave no task, socket or thread behind."""
        if self._expiry:
            self._expiry.cancel()
            await asyncio.gather(self._expiry, return_exceptions=True)
        await self.interactions.close()
        await self.gateway.close_all(GOING_AWAY)
        self._voice_gateway.close()
        self.voice.close()
        for runner in self._runners:
            await runner.cleanup()
        self.voice.udp.close()
        await self._endpoint.close()

    def _certificate(self) -> ssl.SSLContext:
        self._directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(LOOPBACK, "localhost").configure_cert(context)
        return context

    async def _serve(self, app: web.Application, tls: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls)
        await site.start()
        port: int = runner.addresses[0][1]
        return port
