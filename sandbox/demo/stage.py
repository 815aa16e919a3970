"""What the story is played on: a sandboxed AWS and Discord, a radio with melodies, two guilds with a listener each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.cloud import Cloud
from sandbox.demo.judgement import Song
from sandbox.demo.scene import Scene
from sandbox.discord import Application, FakeDiscord
from sandbox.discord.line import USUAL_LATENCY_SECONDS
from sandbox.discord.permissions import Permission
from sandbox.melody import compose
from sandbox.radio import Radio
from sandbox.recording import Format, record

SPEED = 60.0
"""How much faster CloudWatch's clock runs here: ten idle minutes are ten seconds."""
SHARDS = 16


@dataclass(frozen=True)
class Stage:
    cloud: Cloud
    discord: FakeDiscord
    app: Application
    radio: Radio
    a: Scene
    b: Scene

    @property
    def scenes(self) -> tuple[Scene, Scene]:
        return self.a, self.b


@asynccontextmanager
async def stage(directory: Path) -> AsyncIterator[Stage]:
    """Everything up, nothing deployed. All of it is gone when the context ends."""
    music = directory / "music"
    music.mkdir(parents=True)
    async with (
        Radio(music) as radio,
        FakeDiscord(directory / "discord", latency_seconds=USUAL_LATENCY_SECONDS) as discord,
    ):
        app = discord.create_application("TimmyBot")
        surroundings = {
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": radio.host,
            "SSL_CERT_FILE": str(discord.ca_file),
        }
        async with Cloud(
            directory / "cloud", speed=SPEED, task_environment=surroundings, lambda_environment=surroundings
        ) as cloud:
            cloud.reaper.watch_directory(directory)
            yield Stage(
                cloud,
                discord,
                app,
                radio,
                # One guild's files are passed through, the other's are transcoded.
                _scene(discord, app, radio, music, "A", shard=3, voice=0, formats=(Format.WEBM_OPUS, Format.OGG_OPUS)),
                _scene(discord, app, radio, music, "B", shard=11, voice=1, formats=(Format.MP3, Format.M4A)),
            )


def _scene(
    discord: FakeDiscord,
    app: Application,
    radio: Radio,
    music: Path,
    name: str,
    *,
    shard: int,
    voice: int,
    formats: tuple[Format, ...],
) -> Scene:
    guild = discord.create_guild(name, app, shard=shard, of=SHARDS)
    member = guild.add_member({"A": "alice", "B": "bob"}[name])
    guild.add_member({"A": "mona", "B": "max"}[name]).permissions |= Permission.MANAGE_GUILD
    songs = []
    for number, form in enumerate(formats, start=1):
        melody = compose(f"{name.lower()}{number}", voice=voice + 2 * (number - 1), seconds=180.0)
        songs.append(Song(melody, radio.url(record(melody, music, form).name)))
    return Scene(guild, member, tuple(songs))
