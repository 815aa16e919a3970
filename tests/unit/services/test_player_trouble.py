"""What a guild hears of its player's troubles, and what becomes of its wish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.guild import ALICE, GUILD, SECOND_SONG, SONG, TEXT, VOICE
from tests.fakes.voice_room import FakePlayer
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.ids import ChannelId
from timmybot.services.persistence import AWAY_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, PERSIST_SECONDS

ALONE_SECONDS = GuildSettings().alone_seconds
ELSEWHERE = ChannelId(79)


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
    lost = {"channel_id": None, "given_up": True, "lasting": True, "position_ms": 7_000}
    player = becomes(worker, **lost, trouble="This channel wants what I lack.")
    await theatre.clock.advance(30)
    ((_, sentence),) = theatre.rest.told
    assert sentence == "This channel wants what I lack. The queue is kept: `/resume` brings me back."
    assert player.told.count(f"join {VOICE}") == 1
    assert not await wanted(theatre)


async def test_what_was_given_up_comes_back_when_asked_to_where_the_member_is_and_goes_on_where_it_was(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SECOND_SONG)
    lost = {"channel_id": None, "given_up": True, "lasting": True, "position_ms": 7_000}
    player = becomes(worker, **lost, trouble="The voice channel was deleted, so I stopped.")
    await theatre.clock.advance(1)
    assert (await theatre.says("nowplaying")).content.startswith("Away at 0:07: **First")
    theatre.rest.whereabouts[GUILD, ALICE] = ELSEWHERE
    assert (await theatre.says("resume")).content == "Coming back, and playing on."
    await theatre.clock.advance(1)
    assert player.told[-2:] == [f"join {ELSEWHERE}", "play First *song* from 7000"]
    assert (await theatre.guilds.open(GUILD).state()).waiting == 1


async def test_a_play_brings_back_a_player_that_went_away_and_waits_its_turn(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = becomes(worker, alone_seconds=ALONE_SECONDS, position_ms=7_000)
    await theatre.clock.advance(1)
    theatre.rest.whereabouts[GUILD, ALICE] = ELSEWHERE
    assert "Queued as number 1" in (await theatre.says("play", url=SECOND_SONG)).content
    await theatre.clock.advance(1)
    assert player.told[-2:] == [f"join {ELSEWHERE}", "play First *song* from 7000"]


async def test_a_passing_trouble_keeps_queue_and_place_is_told_once_and_tried_again(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SECOND_SONG)
    player = worker.player(GUILD)
    player.refusal, player.passing = "I have lost my connection to Discord.", True
    becomes(worker, channel_id=None, given_up=True, trouble="The connection was lost.", position_ms=7_000)
    await theatre.clock.advance(40)
    assert theatre.rest.told == [
        (TEXT, "The connection was lost. I keep trying for some minutes, and the queue waits.")
    ]
    assert 4 <= player.told.count(f"join {VOICE}") - 1 <= 7, "pauses grow"
    assert await wanted(theatre)
    player.refusal = None
    await theatre.clock.advance(LONGEST_PAUSE_SECONDS)
    assert player.sounds
    assert player.told[-1] == "play First *song* from 7000"
    assert (await theatre.guilds.open(GUILD).state()).waiting == 1


async def test_negative_control_taken_for_lasting_the_same_trouble_is_not_tried_again(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.refusal, player.passing = "I have lost my connection to Discord.", False
    becomes(worker, channel_id=None, given_up=True, trouble="The connection was lost.", position_ms=7_000)
    await theatre.clock.advance(40)
    player.refusal = None
    await theatre.clock.advance(LONGEST_PAUSE_SECONDS)
    assert not player.sounds


async def test_a_trouble_that_does_not_pass_ends_with_the_player_away_and_the_queue_kept(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.refusal, player.passing = "Discord did not let me in.", True
    becomes(worker, channel_id=None, given_up=True, trouble="The connection was lost.", position_ms=7_000)
    await theatre.clock.advance(PERSIST_SECONDS + LONGEST_PAUSE_SECONDS)
    assert [sentence for _, sentence in theatre.rest.told][1:] == [
        "Discord did not let me in. I have tried for some minutes. The queue is kept: `/resume` brings me back."
    ]
    joins = player.told.count(f"join {VOICE}")
    await theatre.clock.advance(PERSIST_SECONDS)
    assert player.told.count(f"join {VOICE}") == joins
    state = await theatre.guilds.open(GUILD).state()
    assert (state.away, state.position_ms) == (True, 7_000)


async def test_while_discord_cannot_be_reached_it_is_waited_for_without_a_word_and_without_an_end(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.refusal, player.away = "I have lost my connection to Discord.", True
    becomes(worker, channel_id=None, given_up=True, away=True, trouble="I lost it.", position_ms=7_000)
    await theatre.clock.advance(3 * PERSIST_SECONDS)
    assert theatre.rest.told == []
    player.refusal = None
    await theatre.clock.advance(AWAY_PAUSE_SECONDS)
    assert player.told[-2:] == [f"join {VOICE}", "play First *song* from 7000"]


async def test_a_channel_that_refuses_once_discord_is_back_is_tried_for_as_long_as_any(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.refusal, player.away = "I have lost my connection to Discord.", True
    becomes(worker, channel_id=None, given_up=True, away=True, trouble="I lost it.", position_ms=7_000)
    await theatre.clock.advance(2 * PERSIST_SECONDS)
    player.refusal, player.away, player.passing = "Discord did not let me in.", False, True
    await theatre.clock.advance(PERSIST_SECONDS - LONGEST_PAUSE_SECONDS)
    assert await wanted(theatre)
    await theatre.clock.advance(3 * LONGEST_PAUSE_SECONDS)
    assert not await wanted(theatre)


async def test_who_asks_while_it_is_tried_again_need_not_wait_for_the_next_attempt(
    theatre: Theatre, worker: FakeWorker
) -> None:
    player = worker.player(GUILD)
    player.refusal, player.passing = "Discord did not let me in.", True
    becomes(worker, channel_id=None, given_up=True, trouble="The connection was lost.")
    await theatre.clock.advance(25)
    player.refusal = None
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(1)
    assert player.sounds


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
