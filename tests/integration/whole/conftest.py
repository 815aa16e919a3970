"""The whole bot in this process: gateway commands, a SQLite file, real UDP; Discord is the fake one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.demo.judgement import Song
from sandbox.demo.scene import Scene
from sandbox.discord import Application, FakeDiscord
from sandbox.melody import compose
from sandbox.radio import Radio
from sandbox.recording import Format, record
from tests.integration.voice.scene import FastClock
from timmybot.adapters import sqlite
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.secrets import EnvironmentSecrets
from timmybot.entrypoints.assemble import Stores
from timmybot.entrypoints.run import serve
from timmybot.settings import Settings

PATIENCE_SECONDS = 15.0

Rewire = Callable[[Stores], Stores]


@dataclass
class House:
    discord: FakeDiscord
    app: Application
    radio: Radio
    a: Scene
    b: Scene
    directory: Path

    @asynccontextmanager
    async def bot(
        self, rewire: Rewire = lambda stores: stores, *, pace: float = 1.0, inbox_poll_seconds: float = 0.5
    ) -> AsyncIterator[None]:
        """The bot, awake, until the context ends. ``rewire`` may put other stores behind it; its clock goes ``pace``
        times as fast as the world."""
        clock = FastClock(pace)
        usual = Settings()
        settings = replace(
            usual,
            discord_api_url=self.discord.api_url,
            shard_count=1,
            inbox_poll_seconds=inbox_poll_seconds,
            source_allow_hosts=(self.radio.host,),
            heartbeat_seconds=usual.heartbeat_seconds * pace,
            lease_seconds=usual.lease_seconds * pace,
            lease_margin_seconds=usual.lease_margin_seconds * pace,
        )
        environment = {
            "TIMMYBOT_BOT_TOKEN": self.app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(self.app.application_id),
        }
        secrets = EnvironmentSecrets(environment)
        rest = DiscordRest(settings.discord_api_url, secrets, clock)
        stores = sqlite.connect(self.directory / "timmybot.sqlite3", settings, clock)
        stop = asyncio.Event()
        serving = asyncio.create_task(
            serve(
                settings,
                stores=rewire(stores),
                credentials=await secrets.credentials(),
                rest=rest,
                clock=clock,
                stop=stop,
            ),
            name="bot",
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not self.discord.gateway.sessions:  # noqa: ASYNC110  # the fake Discord is looked at from outside
                    await asyncio.sleep(0)
            yield
        finally:
            stop.set()
            await serving
            stores.close()
            rest.close()


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    music = tmp_path / "music"
    music.mkdir()
    async with Radio(music) as radio, FakeDiscord(tmp_path / "discord") as discord:
        # The voice gateway is spoken to over TLS, and trusts what the environment says it trusts.
        monkeypatch.setenv("SSL_CERT_FILE", str(discord.ca_file))
        app = discord.create_application("TimmyBot")
        scenes = []
        for name, voice, formats in (
            ("A", 0, (Format.WEBM_OPUS, Format.OGG_OPUS)),
            ("B", 1, (Format.MP3, Format.M4A)),
        ):
            guild = discord.create_guild(name, app, shard=0, of=1)
            member = guild.add_member(f"listener of {name}")
            await member.join(guild.voice_channel)
            songs = tuple(
                Song(melody, radio.url(record(melody, music, form).name))
                for number, form in enumerate(formats)
                for melody in [compose(f"{name.lower()}{number + 1}", voice=voice + 2 * number, seconds=20.0)]
            )
            scenes.append(Scene(guild, member, songs))
        yield House(discord, app, radio, scenes[0], scenes[1], tmp_path)
