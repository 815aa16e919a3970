"""What becomes of a link reaches the member, however long the first answer takes to Discord."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.demo.scene import starts
from tests.integration.whole.conftest import House
from timmybot.adapters.discord_rest import client
from timmybot.entrypoints.run import OwnInbox
from timmybot.ports.inbox import Nudge

PATIENCE_SECONDS = 10.0
PRIVATE = "http://127.0.0.1:9/song.mp3"


def nudge_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker in a process of its own is nudged: it may read the inbox before the answer is out."""

    async def post(inbox: OwnInbox, nudge: Nudge) -> None:
        await inbox._inbox.post(nudge)
        inbox.tell(nudge.guild_id)

    monkeypatch.setattr(OwnInbox, "post", post)


@pytest.mark.parametrize("latency_seconds", [0.0, 0.15, 1.5])
@pytest.mark.parametrize("nudged_early", [False, True])
async def test_a_refused_link_is_told_in_its_answer(
    house: House, latency_seconds: float, nudged_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if nudged_early:
        nudge_before_the_answer(monkeypatch)
    async with house.bot():
        house.discord.line.first_answer_seconds = latency_seconds
        shown = await house.a.says("play", url=PRIVATE)
        await shown.wait_for(starts("I can't play"), PATIENCE_SECONDS)


async def test_a_good_link_is_told_to_be_playing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    nudge_before_the_answer(monkeypatch)
    async with house.bot():
        house.discord.line.first_answer_seconds = 1.5
        shown = await house.a.play(house.a.songs[0])
        await shown.wait_for(starts("Now playing"), PATIENCE_SECONDS)


async def test_negative_control_an_answer_that_is_not_tried_again_is_lost_and_said_in_the_channel(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the "not yet", the answer that overtakes is given up: then the channel hears of it, by the link."""
    monkeypatch.setattr(client, "NOT_YET_SECONDS", 0.0)
    nudge_before_the_answer(monkeypatch)
    async with house.bot():
        house.discord.line.first_answer_seconds = 1.5
        shown = await house.a.says("play", url=PRIVATE)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not house.a.guild.text_channel.messages:  # noqa: ASYNC110  # the fake Discord is looked at from outside
                await asyncio.sleep(0.05)
        (message,) = house.a.guild.text_channel.messages
        assert message["content"].startswith(f"I can't play <{PRIVATE}>")
        assert not shown.content.startswith("I can't play")
