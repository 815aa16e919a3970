"""A member in a guild's voice channel of a fake Discord, and the song there is to play."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from sandbox.discord import FakeDiscord
from sandbox.melody import Melody, compose
from sandbox.recording import Format, opus_packets, record
from tests.fakes.voice import FramesSource
from tests.integration.voice.gate import Gate
from tests.integration.voice.scene import SHARD, SHARDS, SONG, Scene


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Melody, Sequence[bytes]]:
    melody = compose("song", voice=0, seconds=40.0)
    return melody, list(opus_packets(record(melody, tmp_path_factory.mktemp("song"), Format.OGG_OPUS)))


@pytest.fixture
async def scene(tmp_path: Path, recorded: tuple[Melody, Sequence[bytes]]) -> AsyncIterator[Scene]:
    melody, frames = recorded
    async with Gate() as gate, FakeDiscord(tmp_path) as discord:
        app = discord.create_application("TimmyBot")
        discord.gateway.budget(app).interval_seconds = 0.0  # the budget has tests of its own
        guild = discord.create_guild("A", app, shard=SHARD, of=SHARDS)
        alice = guild.add_member("alice")
        await alice.join(guild.voice_channel)
        tls = ssl.create_default_context(cafile=str(discord.ca_file))
        scene = Scene(discord, app, guild, alice, melody, FramesSource({SONG.url: frames}), tls, gate)
        try:
            yield scene
        finally:
            gate.open()
            for bot in scene.bots:
                await bot.close()
            leftover = [task for task in asyncio.all_tasks() if "timmybot" in repr(task.get_coro())]
            assert not leftover, leftover
