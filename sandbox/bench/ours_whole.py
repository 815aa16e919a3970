"""The whole bot as ``timmybot run`` has it: gateway commands, services, a SQLite file, the worker, voice."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.bench.standing import Place, place, stand
from timmybot.entrypoints.memory import hold_little
from timmybot.entrypoints.run import run as run_bot
from timmybot.settings import Settings


class Bot:
    def __init__(self, at: Place, directory: Path) -> None:
        self._at = at
        self._database = directory / "timmybot.sqlite3"
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self, api_url: str, token: str, application_id: int, ca_file: str, **_: Any) -> dict[str, Any]:
        """Begin to run. That it is there, the fake Discord sees."""
        os.environ["SSL_CERT_FILE"] = ca_file  # the voice gateway is spoken to over TLS
        os.environ["TIMMYBOT_BOT_TOKEN"] = token
        os.environ["TIMMYBOT_APPLICATION_ID"] = str(application_id)
        settings = Settings(discord_api_url=api_url, source_allow_hosts=(urlsplit(self._at.song).netloc,))
        self._running = asyncio.create_task(run_bot(settings, self._database, self._stop), name="bot")
        return {}

    async def close(self) -> None:
        self._stop.set()
        if self._running is not None:
            await self._running


async def run() -> None:
    hold_little()  # as the worker does
    with tempfile.TemporaryDirectory() as directory:
        bot = Bot(place(), Path(directory))
        try:
            await stand({"start": bot.start})
        finally:
            await bot.close()


if __name__ == "__main__":
    asyncio.run(run())
