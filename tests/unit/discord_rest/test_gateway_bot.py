"""One request for the gateway serves every shard of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tests.fakes.clock import FakeClock, settle
from timmybot.adapters.discord_rest.gateway_bot import STARTS_SECONDS, URL_SECONDS, GatewayBot
from timmybot.ports.discord import DiscordError

URL = "wss://gateway.discord.gg"


class Discord:
    """Counts what it is asked, and answers when it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_down = False
        self.route = GatewayBot(self.answer, self.clock)

    async def answer(self) -> Mapping[str, object]:
        self.asked += 1
        await self.may_answer.wait()
        if self.is_down:
            raise DiscordError("Discord is down")
        return {"url": URL, "session_start_limit": {"remaining": 100, "reset_after": 1_000, "max_concurrency": 16}}


async def test_sixteen_that_ask_at_once_are_served_by_one_request() -> None:
    discord = Discord()
    discord.may_answer.clear()
    asking = [asyncio.create_task(discord.route.url()) for _ in range(16)]
    await settle()
    discord.may_answer.set()
    assert set(await asyncio.gather(*asking)) == {URL}
    assert discord.asked == 1


async def test_each_start_is_counted_that_one_answer_was_given_for() -> None:
    """Else sixteen shards would each believe the last start to be theirs."""
    discord = Discord()
    left = [(await discord.route.session_starts()).remaining for _ in range(3)]
    assert left == [100, 99, 98]
    await discord.clock.advance(STARTS_SECONDS)
    assert (await discord.route.session_starts()).remaining == 100
    assert discord.asked == 2


async def test_the_url_is_known_for_some_minutes() -> None:
    discord = Discord()
    await discord.route.url()
    await discord.clock.advance(URL_SECONDS - 1)
    await discord.route.url()
    assert discord.asked == 1
    await discord.clock.advance(1)
    await discord.route.url()
    assert discord.asked == 2


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    discord = Discord()
    discord.is_down = True
    for _ in range(2):
        with pytest.raises(DiscordError):
            await discord.route.url()
    discord.is_down = False
    assert await discord.route.url() == URL


async def test_a_shard_that_is_closed_meanwhile_takes_the_answer_from_nobody() -> None:
    discord = Discord()
    discord.may_answer.clear()
    closed, other = (asyncio.create_task(discord.route.url()) for _ in range(2))
    await settle()
    closed.cancel()
    await settle()
    discord.may_answer.set()
    assert await other == URL
    assert discord.asked == 1
