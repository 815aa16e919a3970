"""Discord delivers commands again to a bot that was killed; those that had been answered are nothing to warn of."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.fakes.discord import FakeFirstAnswers
from tests.fakes.guild import ALICE, GUILD, TEXT, FrontOfHouse
from timmybot.entrypoints.run import answer_one
from timmybot.services.deferring import DEFER_AFTER_SECONDS, Deferring
from timmybot.services.interactions import Interactions

LONG = 300
"""Tracks of a queue whose shuffle is written in several units."""
PAYLOAD = {
    "type": 2,
    "id": "900",
    "application_id": "5",
    "guild_id": str(GUILD),
    "channel_id": str(TEXT),
    "member": {"user": {"id": str(ALICE)}},
    "token": "a-token-of-an-interaction",
    "data": {"name": "queue", "options": []},
}


async def is_answered(answers: FakeFirstAnswers, *, slowly: bool) -> None:
    house = FrontOfHouse()
    written = asyncio.Event()
    if slowly:
        for number in range(LONG):
            await house.says("play", url=f"https://radio.example/{number}.ogg")
        house.guilds.faults.long_writing = written
    command = PAYLOAD | {"data": {"name": "shuffle" if slowly else "queue", "options": []}}
    answering = asyncio.create_task(
        answer_one(answers, Deferring(Interactions(house.answering), answers, house.clock), command)
    )
    await house.clock.advance(DEFER_AFTER_SECONDS)
    written.set()
    await house.clock.advance(30.0)
    await answering


@pytest.mark.parametrize("slowly", [False, True], ids=["answered at once", "answered slowly"])
async def test_a_command_that_had_its_answer_before_the_kill_is_no_warning(
    caplog: pytest.LogCaptureFixture, slowly: bool
) -> None:
    with caplog.at_level(logging.INFO):
        await is_answered(FakeFirstAnswers(answered_before=True), slowly=slowly)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    told = "a slow command was not deferred" if slowly else "an interaction was not answered again"
    assert told in caplog.text


@pytest.mark.parametrize("slowly", [False, True], ids=["answered at once", "answered slowly"])
async def test_negative_control_a_discord_that_takes_no_answer_is_one(
    caplog: pytest.LogCaptureFixture, slowly: bool
) -> None:
    await is_answered(FakeFirstAnswers(refuses=True), slowly=slowly)
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] != []
