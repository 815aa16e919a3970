"""Our front door with a slow command, before a Discord that keeps its three seconds."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from sandbox.discord import Application, FakeDiscord, Guild
from tests.fakes.guild import VOICE, FrontOfHouse
from tests.integration.sandbox_discord.front_door import Json, front_door
from tests.integration.sandbox_discord.rest_client import register, rest
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import GuildId, UserId
from timmybot.ports.secrets import Credentials, Secrets
from timmybot.services.deferring import Deferring
from timmybot.services.interactions import Interactions


class Given(Secrets):
    def __init__(self, app: Application) -> None:
        self._credentials = Credentials(app.bot_token, app.application_id, app.public_key)

    async def credentials(self) -> Credentials:
        return self._credentials


class Impatient:
    """A clock on which no wait lasts: what is not done at once is slow."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait() if seconds > 2 else None


async def test_a_slow_command_shows_thinking_and_then_its_answer(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    house = FrontOfHouse()
    house.rest.slow = asyncio.Event()
    house.rest.whereabouts[GuildId(guild.id), UserId(alice.user_id)] = VOICE
    our_rest = DiscordRest(discord.api_url, Given(app), SystemClock())
    deferring = Deferring(Interactions(house.answering), our_rest, Impatient())

    async def answer(interaction: Json) -> web.Response:
        body = await deferring.respond(interaction, patience_seconds=60.0)
        return web.Response(status=202) if body is None else web.json_response(body)

    async with rest(discord, app) as client, front_door(app, answer) as door:
        await register(client, app)
        await client.call("PATCH", "/applications/@me", {"interactions_endpoint_url": door.url})
        shown = await alice.command("play", url="https://radio.example/one.ogg")
        assert (shown.thinking, shown.content, shown.failed) == (True, "", None)
        house.rest.slow.set()
        assert "one.ogg" in await shown.wait_for(bool)
        assert not shown.thinking
    our_rest.close()
