"""Two bots in this process, each with an application of its own: one hears of commands by the gateway, one by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from sandbox.discord import Application, FakeDiscord
from timmybot.adapters import sqlite
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.ecs.task import NoProtection
from timmybot.adapters.secrets import EnvironmentSecrets
from timmybot.adapters.system_clock import SystemClock
from timmybot.entrypoints.assemble import Stores, assembled_worker
from timmybot.entrypoints.frontdoor import FrontDoor
from timmybot.entrypoints.new_id import new_id
from timmybot.entrypoints.run import serve
from timmybot.services.answering import Answering
from timmybot.services.command_definitions import DEFINITIONS
from timmybot.services.deferring import Deferring
from timmybot.services.interactions import Interactions
from timmybot.services.progress import Progress
from timmybot.services.wake import Waking
from timmybot.settings import Settings

LOOK_SECONDS = 5.0
"""How often a worker looks at what is owed: an edit that was lost is given again then."""


class _Awake:
    async def wake(self) -> None:
        """The worker is there."""


class _NoMetrics:
    def emit(self, figures: Mapping[str, float]) -> None:
        """Nobody reads them."""


def _settings(discord: FakeDiscord, allowed_host: str) -> Settings:
    usual = Settings()
    return replace(
        usual,
        discord_api_url=discord.api_url,
        shard_count=1,
        source_allow_hosts=(allowed_host,),
        scan_seconds=min(usual.scan_seconds, LOOK_SECONDS),
    )


def _secrets(app: Application) -> EnvironmentSecrets:
    return EnvironmentSecrets(
        {
            "TIMMYBOT_BOT_TOKEN": app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(app.application_id),
            "TIMMYBOT_PUBLIC_KEY": app.public_key,
        }
    )


@asynccontextmanager
async def gateway_bot(
    discord: FakeDiscord, app: Application, allowed_host: str, directory: Path
) -> AsyncIterator[None]:
    """``timmybot run``."""
    settings, secrets, clock = _settings(discord, allowed_host), _secrets(app), SystemClock()
    rest = DiscordRest(settings.discord_api_url, secrets, clock)
    stores = sqlite.connect(directory / "gateway.sqlite3", settings, clock)
    stop = asyncio.Event()
    credentials = await secrets.credentials()
    serving = asyncio.create_task(
        serve(settings, stores=stores, credentials=credentials, rest=rest, clock=clock, stop=stop)
    )
    try:
        yield
    finally:
        stop.set()
        await serving
        stores.close()
        rest.close()


@asynccontextmanager
async def endpoint_bot(
    discord: FakeDiscord, app: Application, allowed_host: str, directory: Path
) -> AsyncIterator[None]:
    """A front door behind a small HTTP server, and a worker. They share a file, as the real ones share tables."""
    settings, secrets, clock = _settings(discord, allowed_host), _secrets(app), SystemClock()
    rest, doors_rest = (DiscordRest(settings.discord_api_url, secrets, clock) for _ in range(2))
    stores, doors = (sqlite.connect(directory / "endpoint.sqlite3", settings, clock) for _ in range(2))
    stop = asyncio.Event()
    await rest.set_commands(app.application_id, DEFINITIONS)
    try:
        async with (
            _served(_front_door(settings, secrets, doors, doors_rest, clock)) as url,
            assembled_worker(
                settings,
                stores=stores,
                credentials=await secrets.credentials(),
                rest=rest,
                clock=clock,
                metrics=_NoMetrics(),
                protection=NoProtection(),
                progress=Progress(settings.lease_margin_seconds),
            ) as worker,
        ):
            await doors_rest.set_interactions_endpoint(url)
            working = asyncio.create_task(worker.run(stop))
            try:
                yield
            finally:
                stop.set()
                await working
    finally:
        for each in (stores, doors, rest, doors_rest):
            each.close()


def _front_door(
    settings: Settings, secrets: EnvironmentSecrets, stores: Stores, rest: DiscordRest, clock: SystemClock
) -> FrontDoor:
    answering = Answering(
        guilds=stores.guilds,
        leases=stores.leases,
        inbox=stores.inbox,
        members=rest,
        waking=Waking(stores.leases, _Awake(), _NoMetrics(), clock, settings),
        clock=clock,
        new_id=new_id,
        settings=settings,
    )
    return FrontDoor(secrets, Deferring(Interactions(answering), rest, clock), clock)


@asynccontextmanager
async def _served(door: FrontDoor) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        event = {"headers": dict(request.headers), "body": await request.text()}
        told = await door.respond(event)
        return web.Response(status=told["statusCode"], text=told.get("body"), content_type="application/json")

    server = web.Application()
    server.router.add_post("/", handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
