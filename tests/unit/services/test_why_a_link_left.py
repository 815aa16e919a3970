"""Why a link left the queue reaches whoever gave it, once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import settle
from tests.fakes.guild import GUILD, SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import InteractionId, OrderKey

NOTHING = "https://radio.example/nothing.ogg"
WHY = f"I can't play <{NOTHING}>. There is nothing at that address."


@pytest.fixture
async def worker(theatre: Theatre) -> FakeWorker:
    made = theatre.new_worker("one")
    await theatre.clock.advance(1)
    return made


async def test_it_is_told_though_the_queue_is_empty_before_discord_has_taken_the_answer(
    theatre: Theatre, worker: FakeWorker
) -> None:
    """The guild's loop ends once nothing is wanted: not before what it has begun to say is said."""
    theatre.rest.slow_edit, door = asyncio.Event(), asyncio.Event()
    worker.player(GUILD).door = door
    await theatre.says("play", url=NOTHING)
    await theatre.clock.advance(1)  # The link is looked at while the player joins.
    door.set()
    await theatre.clock.advance(3)
    theatre.rest.slow_edit.set()
    await theatre.clock.advance(60)
    assert theatre.rest.edits == {InteractionId(900): WHY}
    assert theatre.rest.told == []


async def test_it_is_told_when_discord_is_back_though_the_queue_is_empty_since_long(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.source.slow[NOTHING] = asyncio.Event()
    await theatre.says("play", url=NOTHING)
    theatre.rest.down = True
    theatre.source.slow[NOTHING].set()
    await theatre.clock.advance(120)
    theatre.rest.down = False
    await theatre.clock.advance(60)
    assert theatre.rest.edits == {InteractionId(900): WHY}


async def test_it_is_told_once_though_it_is_looked_at_again_by_somebody_who_had_read_the_queue_before(
    theatre: Theatre, worker: FakeWorker
) -> None:
    """The answer that it cannot be edited into is lost: then the text channel hears of it, one time."""
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    theatre.rest.expired.add(InteractionId(901))
    theatre.source.slow[NOTHING] = asyncio.Event()
    await theatre.says("play", url=NOTHING)
    (owed,) = await theatre.guilds.open(GUILD).owed_replies()
    read_before = await theatre.guilds.open(GUILD).entry(owed.key)
    assert read_before is not None
    theatre.source.slow.pop(NOTHING).set()
    await theatre.clock.advance(1)
    assert await theatre.resolving().resolved(read_before) is None
    assert [sentence for _, sentence in theatre.rest.told] == [WHY]


async def test_a_link_that_a_member_removes_while_it_is_looked_at_is_not_reported_to_the_channel(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SECOND_SONG)
    theatre.source.slow[NOTHING] = asyncio.Event()
    await theatre.says("play", url=NOTHING)
    await theatre.clock.advance(1)
    await theatre.says("clear")
    await theatre.clock.advance(1)
    theatre.source.slow.pop(NOTHING).set()
    await theatre.clock.advance(1)
    assert theatre.rest.told == []
    assert theatre.rest.edits[InteractionId(902)] in (WHY, "That track is no longer in the queue.")


async def test_one_that_loses_the_race_for_a_removal_does_not_end_the_others_telling(theatre: Theatre) -> None:
    """Found on a busy machine: the answer was given by both, and the channel told twice."""
    resolving, leaving = theatre.resolving(), OrderKey("leaving")
    with resolving.reporting(leaving):
        with resolving.reporting(leaving):
            """This one loses."""
        settling = asyncio.create_task(resolving.settle_all())
        await settle()
        assert not settling.done()
    await settling
