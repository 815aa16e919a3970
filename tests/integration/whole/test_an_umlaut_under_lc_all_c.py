"""Under ``LC_ALL=C`` Python may take paths for ASCII; the bot starts and plays all the same where they are not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from sandbox.demo.judgement import Song
from sandbox.demo.scene import Scene, starts
from sandbox.discord import FakeDiscord
from sandbox.listen.bot import Bot, trusted_by
from sandbox.melody import compose, recognise
from sandbox.radio import Radio
from sandbox.reaper import Reaper
from sandbox.recording import Format, record

PATIENCE_SECONDS = 20.0
STRICT = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Else Python, told of the C locale, takes UTF-8 by itself: many a service's environment forbids that."""


@pytest.mark.parametrize("more", [{}, STRICT], ids=["as Python likes it", "and nothing but ASCII"])
async def test_the_bot_starts_and_plays_where_its_directory_and_a_file_have_an_umlaut(
    tmp_path: Path, more: dict[str, str]
) -> None:
    directory, music = tmp_path / "Bärs Ordner", tmp_path / "Müsik"
    directory.mkdir()
    music.mkdir()
    async with Radio(music) as radio, FakeDiscord(tmp_path / "discord") as discord:
        app = discord.create_application("TimmyBot")
        guild = discord.create_guild("A", app)
        melody = compose("a", voice=0, seconds=20.0)
        file = record(melody, music, Format.MP3)
        named = file.rename(file.with_name("Größe.mp3"))
        scene = Scene(guild, guild.add_member("listener"), (Song(melody, radio.url(named.name)),))
        usual = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
        environment = usual | {
            "LC_ALL": "C",
            "TIMMYBOT_BOT_TOKEN": app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(app.application_id),
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": radio.host,
            "SSL_CERT_FILE": str(trusted_by(discord.ca_file, directory / "trusted.pem")),
            **more,
        }
        with Reaper() as reaper:
            bot = Bot(directory, environment, reaper)
            await bot.start()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not discord.gateway.sessions:  # it is looked at from outside
                        assert bot.ended is None, bot.log.read_text()
                        await asyncio.sleep(0.05)
                await scene.member.join(guild.voice_channel)
                shown = await scene.play(scene.songs[0])
                await shown.wait_for(starts("Now playing"), PATIENCE_SECONDS)
                heard = await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=2.0)
                assert recognise(heard, melody).segments
            finally:
                await bot.end()
        assert "Traceback" not in bot.log.read_text()
