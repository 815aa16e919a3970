"""A theatre with two songs, and one worker in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fakes.clock import settle
from tests.fakes.guild import SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre


@pytest.fixture
async def theatre() -> AsyncIterator[Theatre]:
    house = Theatre()
    house.source.has(SONG, "First *song*")
    house.source.has(SECOND_SONG, "Second song")
    yield house
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await settle()


@pytest.fixture
async def worker(theatre: Theatre) -> FakeWorker:
    made = theatre.new_worker("one")
    await theatre.clock.advance(1)
    return made
