"""What a guild hears of its player's troubles, and what becomes of its wish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.guild import GUILD, SECOND_SONG, SONG, TEXT, VOICE
from tests.fakes.voice_room import FakePlayer
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.services.plan import ALONE_SECONDS


@pytest.fixture
async def worker(theatre: Theatre) -> FakeWorker:
    made = theatre.new_worker("one")
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    return made


def becomes(worker: FakeWorker, **status: object) -> FakePlayer:
    player = worker.player(GUILD)
    player._status = replace(player._status, **status)  # type: ignore[arg-type]
    player.changed()
    return player


async def wanted(theatre: Theatre) -> bool:
    return (await theatre.guilds.open(GUILD).state()).wants_player


async def test_a_connection_that_is_given_up_is_told_and_not_asked_for_again(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = becomes(worker, channel_id=None, given_up=True, trouble="This channel wants what I lack.")
    await theatre.clock.advance(30)
    assert theatre.rest.told == [(TEXT, "This channel wants what I lack.")]
    assert player.told.count(f"join {VOICE}") == 1
    assert not await wanted(theatre)


async def test_where_nobody_listens_for_long_the_player_leaves_and_says_so(
    theatre: Theatre, worker: FakeWorker
) -> None:
    becomes(worker, alone_seconds=ALONE_SECONDS - 1)
    await theatre.clock.advance(1)
    assert await wanted(theatre)
    player = becomes(worker, alone_seconds=ALONE_SECONDS)
    await theatre.clock.advance(1)
    assert not await wanted(theatre)
    assert player.told[-1] == "leave"
    ((_, sentence),) = theatre.rest.told
    assert "Nobody has been listening" in sentence


async def test_what_was_healed_is_told_once_and_the_music_goes_on(theatre: Theatre, worker: FakeWorker) -> None:
    player = becomes(worker, notices=("The music had stopped; I opened it again.",))
    await theatre.clock.advance(30)
    assert theatre.rest.told == [(TEXT, "The music had stopped; I opened it again.")]
    assert player.sounds


async def test_a_player_that_silenced_itself_plays_again_once_the_right_is_sure(
    theatre: Theatre, worker: FakeWorker
) -> None:
    worker.player(GUILD).reach(7_000)
    player = becomes(worker, muted=True)
    await theatre.clock.advance(1)
    assert player.told[-1] == "play First *song* from 7000"


async def test_what_follows_is_prepared_before_the_end_and_again_when_the_queue_changes(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = becomes(worker, ends_soon=True)
    await theatre.clock.advance(1)
    assert player.told[-1] == "prepare None"
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(15)
    assert player.told[-1] == "prepare Second song"
    assert player.told.count("prepare Second song") == 1
