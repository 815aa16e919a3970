"""A track that ends the bot's process whenever it is opened costs its guild that track, and nobody anything else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.demo.judgement import ENOUGH_MATCHED
from sandbox.melody import recognise
from tests.integration.voice.scene import until
from tests.integration.whole.conftest import House

MOST_DEATHS = 4
PATIENCE_SECONDS = 150.0
SETTINGS = {"LEASE_SECONDS": "4.0", "LEASE_MARGIN_SECONDS": "1.6", "HEARTBEAT_SECONDS": "0.6", "SHARD_COUNT": "1"}
"""A lease that runs out soon: after each death, the next process waits for it."""


class Caretaker:
    """Starts the bot again whenever it is dead."""

    def __init__(self, house: House) -> None:
        self.deaths = 0
        self._house = house
        self._bomb = house.directory / "bomb"
        self._bomb.write_text("")
        self._process: Process | None = None

    def kill(self) -> None:
        """Once, by hand."""
        assert self._process
        self._process.kill()

    def plant_bomb(self, url: str) -> None:
        """From now on, whoever opens it dies."""
        self._bomb.write_text(url)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._take_care(), name="caretaker")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _take_care(self) -> None:
        while True:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.integration.whole.bombed_bot", "run"),
                *("--database", str(self._house.directory / "timmybot.sqlite3")),
                env=self._environment(),
            )
            try:
                ended = await process.wait()
            except asyncio.CancelledError:
                process.terminate()
                await asyncio.wait_for(process.wait(), 20)
                raise
            assert ended == -signal.SIGKILL
            self.deaths += 1

    def _environment(self) -> dict[str, str]:
        house = self._house
        return {
            **{name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE")},
            **{f"TIMMYBOT_{name}": value for name, value in SETTINGS.items()},
            "TIMMYBOT_DISCORD_API_URL": house.discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": house.radio.host,
            "TIMMYBOT_BOT_TOKEN": house.app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(house.app.application_id),
            "BOMB_FILE": str(self._bomb),
        }


async def test_a_track_that_kills_the_bot_is_skipped_and_both_guilds_hear_music(house: House) -> None:
    a, b = house.a, house.b
    caretaker = Caretaker(house)
    async with caretaker.at_work(), asyncio.timeout(PATIENCE_SECONDS):
        while not house.discord.gateway.sessions:  # noqa: ASYNC110  # the fake Discord is looked at from outside
            await asyncio.sleep(0.05)
        for scene in (b, a):
            for song in scene.songs:
                await scene.play(song)
            await scene.ear.wait_for_sound(30, seconds=1)
        caretaker.plant_bomb(a.songs[0].url)
        caretaker.kill()
        told = a.guild.text_channel.messages
        await until(lambda: bool(told), "a word about it", patience_seconds=PATIENCE_SECONDS)
        assert told[0]["content"].startswith(f"I skipped **{a.songs[0].title}**")
        assert "I crashed each time I played it" in told[0]["content"]
        deaths = caretaker.deaths
        assert deaths <= MOST_DEATHS
        for scene in (a, b):
            scene.ear.clear()
            await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=3)
    assert recognise(a.ear.heard, a.songs[1].melody).matched_share > ENOUGH_MATCHED
    assert caretaker.deaths == deaths
    assert not b.guild.text_channel.messages, "nobody skipped anything there"
