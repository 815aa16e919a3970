"""``timmybot run`` begins where there is no network yet, as after a power cut, or with a token that is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from timmybot.entrypoints.run import CannotRun, introduce_once_reached
from timmybot.ports.discord import DiscordAway, DiscordError


class Discord:
    def __init__(self, trouble: DiscordError | None) -> None:
        self.trouble = trouble
        self.asked = 0
        self.registered = False

    async def bot_user(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return {"username": "TimmyBot"}

    async def interactions_endpoint(self) -> str | None:
        return None

    async def set_commands(self, application_id: int, commands: Any) -> None:
        self.registered = True


async def test_without_a_network_it_waits_says_so_and_begins_once_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    discord, clock = Discord(DiscordAway("Discord could not be reached")), FakeClock()
    beginning = asyncio.create_task(introduce_once_reached(discord, 1, clock))
    await clock.advance(300)
    assert not beginning.done()
    assert 15 < discord.asked < 40
    assert "I cannot reach Discord, so I wait for the network" in caplog.text
    assert "Traceback" not in caplog.text
    discord.trouble = None
    await clock.advance(15)
    await beginning
    assert discord.registered


async def test_a_token_that_discord_refuses_ends_it_at_once() -> None:
    with pytest.raises(CannotRun, match="401"):
        await introduce_once_reached(Discord(DiscordError("Discord answered 401")), 1, FakeClock())
