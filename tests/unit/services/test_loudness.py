"""Tracks are brought to one loudness: measured once, out of the way, known to every worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.guild import GUILD, OTHER_GUILD, SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.sound import AS_IT_IS, Loudness, Measured, Sound
from timmybot.domain.standing import MANAGE_GUILD, Standing
from timmybot.services.loudness import WAITING, KnownLoudness

LOUD = Loudness(-8.0, -1.0)
QUIETER = Sound(gain_db=-8.0)
NEARLY_RIGHT = Loudness(-17.5, -6.0)


@pytest.fixture
def loud(theatre: Theatre) -> Theatre:
    theatre.source.loudness |= {SONG: LOUD, SECOND_SONG: LOUD}
    return theatre


async def test_a_track_is_measured_while_it_waits_and_played_by_it(loud: Theatre, worker: FakeWorker) -> None:
    measuring = loud.source.slow_to_measure[SONG] = asyncio.Event()
    for url in (SONG, SECOND_SONG):
        await loud.says("play", url=url)
    await loud.clock.advance(1)
    measuring.set()
    await loud.clock.advance(1)
    assert loud.source.measured == [SONG, SECOND_SONG]
    player = worker.player(GUILD)
    assert player.status().sound == AS_IT_IS, "what is learned while a track plays is for its next playing"
    player.end()
    await loud.clock.advance(1)
    assert player.told[-1] == "play Second song from 0"
    assert player.status().sound == QUIETER


async def test_what_was_measured_once_is_never_measured_again_by_any_worker_for_any_guild(
    loud: Theatre, worker: FakeWorker
) -> None:
    await loud.says("play", url=SONG)
    await loud.clock.advance(1)
    await worker.drained()
    second = loud.new_worker("two")
    await loud.clock.advance(10)
    await loud.says("play", url=SONG, guild=OTHER_GUILD)
    await loud.clock.advance(1)
    assert second.player(OTHER_GUILD).status().sound == QUIETER, "it was looked up while the channel was joined"
    assert loud.source.measured == [SONG]


async def test_a_small_correction_is_not_made_so_that_the_track_is_passed_through(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.source.loudness[SONG] = NEARLY_RIGHT
    for _ in range(2):
        await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).end()
    await theatre.clock.advance(1)
    assert worker.player(GUILD).status().sound.untouched


async def test_a_guild_that_wants_none_of_it_has_nothing_measured_and_nothing_changed(
    loud: Theatre, worker: FakeWorker
) -> None:
    await loud.tracks.keep(loud.source.tracks[SONG], Measured(LOUD))
    await off(loud)
    for url in (SONG, SECOND_SONG):
        await loud.says("play", url=url)
    await loud.clock.advance(1)
    assert worker.player(GUILD).status().sound == AS_IT_IS
    assert loud.source.measured == []


async def test_switched_off_while_it_plays_the_track_is_as_loud_as_it_is_at_once(
    loud: Theatre, worker: FakeWorker
) -> None:
    await loud.tracks.keep(loud.source.tracks[SONG], Measured(LOUD))
    await loud.says("play", url=SONG)
    await loud.clock.advance(1)
    assert worker.player(GUILD).status().sound == QUIETER
    await off(loud)
    await loud.clock.advance(1)
    assert worker.player(GUILD).status().sound == AS_IT_IS


@pytest.mark.parametrize(("room", "second"), [(1, AS_IT_IS), (2, QUIETER)])
async def test_tracks_are_corrected_only_as_far_as_there_is_room_to_transcode(
    loud: Theatre, worker: FakeWorker, room: int, second: Sound
) -> None:
    await worker.drained()
    loud.settings = replace(loud.settings, loudness_players=room)
    roomy = loud.new_worker("two")
    await loud.clock.advance(10)
    await loud.tracks.keep(loud.source.tracks[SONG], Measured(LOUD))
    for guild in (GUILD, OTHER_GUILD):
        await loud.says("play", url=SONG, guild=guild)
        await loud.clock.advance(1)
    assert roomy.player(GUILD).status().sound == QUIETER
    assert roomy.player(OTHER_GUILD).status().sound == second
    await loud.says("play", url=SONG)
    roomy.player(GUILD).end()
    await loud.clock.advance(1)
    assert roomy.player(GUILD).status().sound == QUIETER, "it takes its own place"


async def test_nobody_waits_for_a_measurement_or_for_a_cache_that_is_away(loud: Theatre, worker: FakeWorker) -> None:
    loud.tracks.faults.outage = True
    await loud.says("play", url=SONG)
    await loud.clock.advance(1)
    assert worker.player(GUILD).sounds


async def test_a_track_that_is_being_measured_is_not_measured_once_more(theatre: Theatre) -> None:
    """For whoever queues it meanwhile."""
    slow = theatre.source.slow_to_measure[SONG] = asyncio.Event()
    known = KnownLoudness(theatre.tracks, theatre.source)
    for _ in range(3):
        known.find_out(theatre.source.tracks[SONG])
        await theatre.clock.advance(0)
    slow.set()
    await theatre.clock.advance(0)
    assert theatre.source.measured == [SONG]
    await known.close()


async def test_of_too_many_that_wait_to_be_measured_the_oldest_go_without(theatre: Theatre) -> None:
    slow = theatre.source.slow_to_measure[SONG] = asyncio.Event()
    known = KnownLoudness(theatre.tracks, theatre.source)
    urls = [theatre.source.has(f"https://radio.example/{number}.ogg", str(number)) for number in range(WAITING + 5)]
    known.find_out(theatre.source.tracks[SONG])
    await theatre.clock.advance(0)
    for url in urls:
        known.find_out(theatre.source.tracks[url])
    await theatre.clock.advance(0)
    assert theatre.source.measured == [SONG], "one at a time"
    slow.set()
    await theatre.clock.advance(0)
    assert set(theatre.source.measured) == {SONG, *urls[5:]}
    await known.close()


async def test_looking_at_a_link_takes_place_while_the_channel_is_joined(theatre: Theatre, worker: FakeWorker) -> None:
    player = worker.player(GUILD)
    player.door, theatre.source.slow[SONG] = asyncio.Event(), asyncio.Event()
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert theatre.source.looked_at == [SONG], "although the door is shut"
    theatre.source.slow[SONG].set()
    await theatre.clock.advance(1)
    assert player.told[-1] == "prepare First *song*", "it is opened, too"
    player.door.set()
    await theatre.clock.advance(0)
    assert player.told[-1] == "play First *song* from 0"
    assert theatre.source.looked_at == [SONG]


async def test_a_link_that_takes_longer_than_joining_plays_as_soon_as_it_is_known(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.source.slow[SONG] = asyncio.Event()
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(5)
    assert not worker.player(GUILD).sounds
    theatre.source.slow[SONG].set()
    await theatre.clock.advance(0)
    assert worker.player(GUILD).sounds
    assert theatre.source.looked_at == [SONG]


async def test_what_was_opened_for_a_channel_that_is_not_joined_is_let_go(theatre: Theatre, worker: FakeWorker) -> None:
    player = worker.player(GUILD)
    player.door, player.refusal = asyncio.Event(), "I lack the permission to connect."
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    player.door.set()
    await theatre.clock.advance(1)
    assert [told for told in player.told if "prepare" in told] == ["prepare First *song*", "prepare None"]


async def off(theatre: Theatre) -> None:
    answer = await theatre.answering.answer(
        theatre.invocation("settings", standing=Standing(permissions=MANAGE_GUILD), loudness="off")
    )
    assert "as it is" in answer.content
