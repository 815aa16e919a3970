"""The server of what plays cannot be reached: what is tried, what is told, and what stays in the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.guild import GUILD, SECOND_SONG, SONG
from tests.fakes.voice_room import FakePlayer
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.ports.voice import Ending
from timmybot.services.resolve import LOOK_SECONDS
from timmybot.services.source_patience import LONGEST_PAUSE_SECONDS, PERSIST_SECONDS, TELL_SECONDS

AWAY = "music.example cannot be reached. Check the address and try again."
AGAIN = "play First *song* from 60000"
NEXT = "play Second song from 0"
LONG_ENOUGH = PERSIST_SECONDS + 3 * LONGEST_PAUSE_SECONDS


@pytest.fixture
async def worker(theatre: Theatre) -> FakeWorker:
    made = theatre.new_worker("one")
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    return made


async def is_away(theatre: Theatre, player: FakePlayer, seconds: float, *, at_ms: int | None = None) -> None:
    """Whatever is played in that time ends at once, because its server cannot be reached."""
    for _ in range(int(2 * seconds)):
        status = player.status()
        if status.play_id is not None and status.ending is None:
            player.end(Ending.AWAY, AWAY, at_ms=at_ms if at_ms is not None else status.position_ms)
        await theatre.clock.advance(0.5)


def said(theatre: Theatre) -> list[str]:
    return [sentence for _, sentence in theatre.rest.told]


async def test_in_the_middle_it_is_tried_again_where_it_was_and_nothing_is_said_of_a_short_trouble(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.reach(60_000)
    await is_away(theatre, player, TELL_SECONDS - 2)
    await theatre.clock.advance(LONGEST_PAUSE_SECONDS)
    assert player.told[-1] == AGAIN
    assert said(theatre) == []


async def test_a_longer_trouble_is_told_once_by_the_tracks_name(theatre: Theatre, worker: FakeWorker) -> None:
    player = worker.player(GUILD)
    player.reach(60_000)
    await is_away(theatre, player, PERSIST_SECONDS / 2)
    (sentence,) = said(theatre)
    assert "can't go on with **First" in sentence
    assert sentence.endswith("music.example cannot be reached. I keep trying.")


async def test_a_server_that_stays_away_costs_the_track_and_not_the_evening(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.reach(60_000)
    while NEXT not in player.told and theatre.clock.monotonic() < 1_000 + 10 * LONG_ENOUGH:
        await is_away(theatre, player, 0.5)
    assert player.told.count(AGAIN) > PERSIST_SECONDS / LONGEST_PAUSE_SECONDS - 2
    assert said(theatre)[-1].endswith(AWAY)


async def test_a_second_source_that_is_away_is_told_of_as_soon_as_the_first(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.reach(60_000)
    while NEXT not in player.told and theatre.clock.monotonic() < 1_000 + 10 * LONG_ENOUGH:
        await is_away(theatre, player, 0.5)
    await is_away(theatre, player, 3 * TELL_SECONDS)
    assert "**Second song**" in said(theatre)[-1]
    assert said(theatre)[-1].endswith("I keep trying.")


async def test_while_discord_cannot_be_reached_either_nothing_is_given_up(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.reach(60_000)
    player._status = replace(player._status, connected_seconds=0.0)
    await is_away(theatre, player, 3 * LONG_ENOUGH)
    assert said(theatre) == []
    player._status = replace(player._status, connected_seconds=0.5)
    player.changed()
    await theatre.clock.advance(0.5)
    assert player.told[-1] == AGAIN


async def test_negative_control_with_discord_there_the_same_hours_cost_the_track(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.reach(60_000)
    await is_away(theatre, player, 3 * LONG_ENOUGH)
    assert NEXT in player.told


@pytest.mark.parametrize("loop", ["track", "queue"])
async def test_under_a_loop_a_station_is_waited_for_and_never_leaves_it(
    theatre: Theatre, worker: FakeWorker, loop: str
) -> None:
    await theatre.says("loop", mode=loop)
    player = worker.player(GUILD)
    player.reach(60_000)
    await is_away(theatre, player, 10 * LONG_ENOUGH)
    assert (await theatre.guilds.open(GUILD).state()).current is not None
    assert [sentence.endswith("It stays in the loop.") for sentence in said(theatre)].count(True) == 1
    tries = len(player.told)
    await theatre.clock.advance(2 * LONGEST_PAUSE_SECONDS + 30)
    assert len(player.told) > tries
    assert player.sounds


async def test_a_skip_does_not_wait_for_the_next_attempt(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.reach(60_000)
    await is_away(theatre, player, TELL_SECONDS)
    await theatre.says("skip")
    await theatre.clock.advance(1)
    assert player.told[-1] == NEXT


async def test_a_server_that_sends_a_while_between_its_troubles_is_given_its_minute_each_time(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    for round_ in range(1, 5):
        player.reach(round_ * 10_000)
        await is_away(theatre, player, PERSIST_SECONDS / 2)
        await theatre.clock.advance(LONGEST_PAUSE_SECONDS)
    assert player.sounds
    assert player.told[-1] == "play First *song* from 40000"


async def test_a_link_that_is_looked_at_while_the_network_is_away_stays_and_is_played_after(theatre: Theatre) -> None:
    await theatre.says("play", url=SONG)
    theatre.source.away = theatre.rest.down = True
    theatre.new_worker("one")
    await theatre.clock.advance(120)
    assert (await theatre.guilds.open(GUILD).state()).current is not None
    theatre.source.away = theatre.rest.down = False
    await theatre.clock.advance(5)
    assert [answer for answer in theatre.rest.edits.values() if answer.startswith("Now playing")]


async def test_where_discord_can_be_reached_who_asked_is_told_after_a_while(theatre: Theatre) -> None:
    theatre.source.away = True
    theatre.new_worker("one")
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(LOOK_SECONDS - 5)
    assert (await theatre.guilds.open(GUILD).state()).current is not None
    await theatre.clock.advance(10)
    assert list(theatre.rest.edits.values()) == [f"I can't play <{SONG}>. radio.example cannot be reached."]
    assert (await theatre.guilds.open(GUILD).state()).current is None


async def test_negative_control_who_may_have_mistyped_a_name_is_told_at_once(theatre: Theatre) -> None:
    theatre.source.away = theatre.source.unknown_name = True
    theatre.new_worker("one")
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert list(theatre.rest.edits.values()) == [f"I can't play <{SONG}>. radio.example cannot be reached."]
