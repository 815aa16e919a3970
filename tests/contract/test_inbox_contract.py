"""What an inbox promises."""

from __future__ import annotations

import logging

import pytest

from tests.contract.members import GUILD, OTHER_GUILD
from tests.contract.stored import Kept
from timmybot.ports.inbox import Nudge


async def test_nudges_are_read_in_order_of_their_time_from_a_moment_on(kept: Kept) -> None:
    inbox, now = kept.stores.inbox, kept.clock.now()
    late, early, between = Nudge("c", GUILD, now + 2), Nudge("b", OTHER_GUILD, now), Nudge("a", GUILD, now + 1.25)
    for nudge in (late, early, between):
        await inbox.post(nudge)
    assert await inbox.read(0.0) == [early, between, late]
    assert await inbox.read(now + 1.25) == [between, late]
    assert await inbox.read(now + 3) == []


async def test_an_overlapping_look_sees_a_nudge_that_was_written_behind_the_last_look(kept: Kept) -> None:
    inbox, now = kept.stores.inbox, kept.clock.now()
    await inbox.post(Nudge("punctual", GUILD, now))
    seen = {nudge.nudge_id for nudge in await inbox.read(now - 10)}
    await inbox.post(Nudge("skewed", OTHER_GUILD, now - 4))
    assert [nudge.nudge_id for nudge in await inbox.read(now - 10) if nudge.nudge_id not in seen] == ["skewed"]
    assert "skewed" not in {nudge.nudge_id for nudge in await inbox.read(now)}, "without the overlap it is missed"


async def test_two_nudges_of_one_moment_are_both_there(kept: Kept) -> None:
    inbox, now = kept.stores.inbox, kept.clock.now()
    await inbox.post(Nudge("a", GUILD, now))
    await inbox.post(Nudge("b", GUILD, now))
    assert [nudge.nudge_id for nudge in await inbox.read(now)] == ["a", "b"]


HOSTILE_NUDGES: dict[str, dict[str, object]] = {
    "nothing in it": {},
    "a text for a number": {"schema": 1, "nudge_id": "hostile", "guild": "all", "written_at": 1_800_000_000},
    "no guild": {"schema": 1, "nudge_id": "hostile", "written_at": 1_800_000_000},
    "a schema of the past": {"schema": 0, "nudge_id": "hostile", "guild": GUILD, "written_at": 1_800_000_000},
    "an id of 390 KB": {"schema": 1, "nudge_id": "x" * 390_000, "guild": GUILD, "written_at": 1_800_000_000},
}


@pytest.mark.parametrize("hostile", HOSTILE_NUDGES.values(), ids=HOSTILE_NUDGES)
async def test_a_nudge_that_cannot_be_understood_is_set_aside(
    kept_outside: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    assert kept_outside.backdoor
    inbox, now = kept_outside.stores.inbox, int(kept_outside.clock.now())
    kept_outside.backdoor.nudge("hostile", now, hostile)
    await inbox.post(Nudge("a", GUILD, now + 1))
    with caplog.at_level(logging.WARNING):
        assert [nudge.nudge_id for nudge in await inbox.read(now)] == ["a"]
    assert len(caplog.records) == 1
