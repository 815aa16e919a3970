"""What one listening needs: a Discord with one guild and one member, a file server, and the bot."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.discord import FakeDiscord
from sandbox.discord.line import USUAL_LATENCY_SECONDS
from sandbox.discord.permissions import Permission
from sandbox.listen.arguments import Asked, Input
from sandbox.listen.bot import Bot, trusted_by
from sandbox.listen.listening import Listening
from sandbox.listen.outcome import Outcome
from sandbox.listen.served import FileServer
from sandbox.reaper import Reaper


async def listen_to(one: Input, asked: Asked) -> Outcome:
    """Set everything up, listen, and leave nothing behind: no process, no file."""
    with Reaper() as reaper:
        directory = Path(tempfile.mkdtemp(prefix="timmybot-listen-"))
        reaper.watch_scratch(directory)
        try:
            async with _stage(directory, asked, reaper) as (listening, server):
                url = server.add(one.file) if one.file is not None else str(one.url)
                return await listening.listen(one.named, url)
        finally:
            _keep_log(directory, asked.log)
            shutil.rmtree(directory, ignore_errors=True)
            reaper.forget_scratch(directory)


@asynccontextmanager
async def _stage(directory: Path, asked: Asked, reaper: Reaper) -> AsyncIterator[tuple[Listening, FileServer]]:
    async with (
        FileServer() as server,
        FakeDiscord(directory / "discord", latency_seconds=USUAL_LATENCY_SECONDS) as discord,
    ):
        app = discord.create_application("TimmyBot")
        guild = discord.create_guild("A", app)
        # Whoever asks whether a link plays may change the server's settings, too.
        guild.add_member("listener").permissions |= Permission.MANAGE_GUILD
        allowed = [*os.environ.get("TIMMYBOT_SOURCE_ALLOW_HOSTS", "").split(","), *asked.allow_hosts, server.host]
        environment = os.environ | {
            "TIMMYBOT_BOT_TOKEN": app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(app.application_id),
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": ",".join(pair for pair in allowed if pair),
            "SSL_CERT_FILE": str(trusted_by(discord.ca_file, directory / "trusted.pem")),
        }
        bot = Bot(directory, environment, reaper)
        listening = Listening(discord, guild, server, bot, asked.plan)
        try:
            await bot.start()
            yield listening, server
        finally:
            await bot.end()
            listening.children.kill_all()


def _keep_log(directory: Path, log: Path | None) -> None:
    written = directory / "timmybot.log"
    if log is not None and written.exists():
        with log.open("ab") as kept, written.open("rb") as read:
            shutil.copyfileobj(read, kept)
