"""A loopback endpoint by which a running sandbox takes commands from a terminal (see :mod:`sandbox.say`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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


class Control:
    """Listens while the context lasts. ``address_file`` says where, and holds ``more`` for whoever reads it."""

    def __init__(self, discord: FakeDiscord, address_file: Path, more: Mapping[str, object] | None = None) -> None:
        self._discord = discord
        self._address_file = address_file
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
        self._address_file.parent.mkdir(parents=True, exist_ok=True)
        self._address_file.write_text(json.dumps({"control_url": self.url, **self._more}, indent=2) + "\n")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._address_file.unlink(missing_ok=True)
        if self._runner:
            await self._runner.cleanup()

    async def _guilds(self, _request: web.Request) -> web.Response:
        return web.json_response([_describe(guild) for guild in self._discord.world.guilds.values()])

    async def _say(self, request: web.Request) -> web.Response:
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
        if shown.thinking:
            with suppress(TimeoutError):
                await shown.wait_for(bool, FOLLOW_SECONDS)
        return web.json_response(_tell(shown))

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
