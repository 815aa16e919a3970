"""A fake Discord with one bot and one guild, and the check that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Application, FakeDiscord, Guild, ManualClock

SHARDS = 16
GUILD_SHARD = 3


def open_sockets() -> int:
    """Sockets of this process, by what its file descriptors point to."""
    links = []
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208  # links of descriptors, not files
        try:
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
        except OSError:
            continue
    return sum(link.startswith("socket:") for link in links)


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncIterator[None]:
    """Set up before every other fixture, so it looks after they are gone."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    yield
    # Transports that were closed let go of their sockets in the loop's next rounds.
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - {asyncio.current_task()} <= tasks
    assert open_sockets() <= sockets


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[FakeDiscord]:
    """On the machine's own clock."""
    async with FakeDiscord(tmp_path) as discord:
        yield discord


@pytest.fixture
async def timeless(tmp_path: Path, clock: ManualClock) -> AsyncIterator[FakeDiscord]:
    """On a clock that stands still until the test moves it."""
    async with FakeDiscord(tmp_path, clock=clock) as discord:
        yield discord


@pytest.fixture
def app(discord: FakeDiscord) -> Application:
    return discord.create_application("TimmyBot")


@pytest.fixture
def guild(discord: FakeDiscord, app: Application) -> Guild:
    return discord.create_guild("A", app, shard=GUILD_SHARD, of=SHARDS)
