"""A loopback endpoint by which a running sandbox takes commands from a terminal (see :mod:`sandbox.say`)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from sandbox.discord import typed_command
from sandbox.discord.commands import NotOffered
from sandbox.discord.members import Member
from sandbox.discord.server import LOOPBACK, FakeDiscord
from sandbox.discord.shown import Shown
from sandbox.discord.world import Guild

Json = dict[str, Any]

FOLLOW_SECONDS = 10.0
"""How long an answer that says "thinking" is followed."""
LINGER_SECONDS = 3.0
"""How long after an answer, or its last edit, another edit is waited for: a link takes a second or two to be looked
at."""
ASK_SECONDS = 2.0


class Control:
    """Listens while the context lasts. ``address_file`` says where, and holds ``more`` for its readers: the file
    asked for, or another beside it where that one is of a sandbox that runs."""

    def __init__(self, discord: FakeDiscord, address_file: Path, more: Mapping[str, object] | None = None) -> None:
        self._discord = discord
        self.address_file = address_file
        self._more = dict(more or {})
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/guilds", self._guilds)
        app.router.add_post("/say", self._say)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"
        if await _answers(self.address_file):
            self.address_file = self.address_file.with_stem(f"{self.address_file.stem}-{os.getpid()}")
        self.address_file.parent.mkdir(parents=True, exist_ok=True)
        self.address_file.write_text(json.dumps({"control_url": self.url, **self._more}, indent=2) + "\n")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.address_file.unlink(missing_ok=True)
        if self._runner:
            await self._runner.cleanup()

    async def _guilds(self, _request: web.Request) -> web.Response:
        return web.json_response([_describe(guild) for guild in self._discord.world.guilds.values()])

    async def _say(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        try:
            member = self._member(str(asked["guild"]), asked.get("member"))
            registered = [
                command
                for app in member.guild.applications
                for scope in (None, member.guild.id)
                for command in app.commands.get(scope, [])
            ]
            name, options = typed_command.read(str(asked["text"]), registered)
            shown = await member.command(name, **options)
        except (NotOffered, LookupError) as error:
            return web.json_response({"refused": str(error)}, status=400)
        told = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await told.prepare(request)
        if shown.thinking:
            with suppress(TimeoutError):
                await shown.wait_for(bool, FOLLOW_SECONDS)
        seen = await _write(told, shown)
        while not shown.failed and await shown.has_more_than(seen, LINGER_SECONDS):
            seen = await _write(told, shown)
        await told.write_eof()
        return told

    def _member(self, guild_name: str, member_name: str | None) -> Member:
        guilds = self._discord.world.guilds.values()
        guild = next((guild for guild in guilds if guild.name.lower() == guild_name.lower()), None)
        if guild is None:
            raise LookupError(f"there is no guild {guild_name!r}; there are: {', '.join(g.name for g in guilds)}")
        for member in guild.members.values():
            if member_name is None or member.name.lower() == member_name.lower():
                return member
        raise LookupError(f"there is no member {member_name!r} in guild {guild.name!r}")


def _tell(shown: Shown) -> Json:
    return {
        "content": shown.content,
        "ephemeral": shown.ephemeral,
        "failed": shown.failed,
        "answered_after_seconds": shown.answered_after_seconds,
        "texts": shown.texts,
    }


async def _write(told: web.StreamResponse, shown: Shown) -> int:
    """How many texts there were."""
    texts = len(shown.texts)
    with suppress(ConnectionError):  # the terminal that asked is closed
        await told.write(json.dumps(_tell(shown)).encode() + b"\n")
    return texts


async def _answers(address_file: Path) -> bool:
    """Whether a sandbox that runs has written the file. One that was killed leaves it behind."""
    try:
        url = json.loads(await asyncio.to_thread(address_file.read_text))["control_url"]
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as client, client.get(f"{url}/guilds") as answer:
            return answer.status == HTTPStatus.OK
    except (OSError, ValueError, KeyError, TypeError, TimeoutError, aiohttp.ClientError):
        return False


def _describe(guild: Guild) -> Json:
    state = guild.bot_voice_state
    return {
        "name": guild.name,
        "members": {
            member.name: member.voice_channel.name if member.voice_channel else None
            for member in guild.members.values()
        },
        "bot_in": state.channel.name if state and state.channel else None,
    }
