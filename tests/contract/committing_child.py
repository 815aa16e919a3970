"""Run as a child: queue one entry after another in the SQLite file named, and say each one's name when acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from tests.contract.members import GUILD, play
from tests.fakes.clock import FakeClock
from timmybot.adapters import sqlite
from timmybot.settings import Settings


async def main(path: Path, run: str) -> None:
    store = sqlite.connect(path, Settings(), FakeClock()).guilds.open(GUILD)
    for number in itertools.count():
        name = f"{run}-{number}"
        await play(store, name)
        print(name, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
