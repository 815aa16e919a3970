"""Run as a child: throw a long queue about in the SQLite file named, and say each command that is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.contract.guild import Members
from tests.fakes.clock import FakeClock
from timmybot.adapters import sqlite
from timmybot.settings import Settings


async def main(path: Path) -> None:
    members = Members(sqlite.connect(path, Settings(), FakeClock()).guilds)
    while True:
        for command in (members.queue().shuffle, members.queue().clear, members.queue().undo):
            await command()
            print(command.__name__, flush=True)
        state = await members.store.state()
        await members.store.sweep(state)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
