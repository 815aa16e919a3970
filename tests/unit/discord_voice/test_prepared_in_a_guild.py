"""A guild whose next track was opened ahead: what its members hear and read, by the real services and the real player.

Three songs are queued. Something becomes of the second while the first still plays; the third is always heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.guild import GUILD, TEXT
from tests.fakes.voice import FakeStream
from tests.fakes.voice_room import FakePlayer, FakePlayers
from tests.fakes.workers import Theatre
from tests.unit.discord_voice.test_watchdog import Watched
from timmybot.adapters.discord_voice.watchdog import FIRST_FRAME_SECONDS
from timmybot.domain.ids import GuildId
from timmybot.ports.track_source import TrackError

FRAMES = 3_000
"""A minute, as long as every track says it is."""
AHEAD = 52
"""Seconds into the first song, when the second has been opened."""
URLS = {name: f"https://radio.example/{name}.ogg" for name in ("one", "two", "three")}


class GuildOnStage(Watched):
    """One guild's player, on the clock of its theatre."""

    def __init__(self, clock: FakeClock, told: Callable[[], object]) -> None:
        self._told = told
        super().__init__()
        self.clock = self.player._clock = self.player.presence._clock = clock
        self.source.frames = {url: [name.encode()] * FRAMES for name, url in URLS.items()}

    def _changed(self) -> None:
        super()._changed()
        self._told()


class PlayersOnStage(FakePlayers):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.stage = GuildOnStage(clock, lambda: self._changed(GUILD))

    def open(self, guild_id: GuildId) -> FakePlayer:
        assert guild_id == GUILD
        self._players[guild_id] = self.stage.player  # type: ignore[assignment]  # a real one
        return self._players[guild_id]

    def figures(self) -> dict[str, float]:
        return {}


class Evening:
    def __init__(self, theatre: Theatre, stage: GuildOnStage) -> None:
        self.theatre = theatre
        self.stage = stage

    async def queue_all(self) -> None:
        for url in URLS.values():
            await self.theatre.says("play", url=url)
        await self.stage.go_on(AHEAD)
        assert self.heard == {"one"}
        assert len(self.stage.source.opened) == 2, "the second song is not opened ahead"

    @property
    def heard(self) -> set[str]:
        return {name for name in URLS if name.encode() in self.stage.sent}

    @property
    def read(self) -> list[str]:
        return [words for channel, words in self.theatre.rest.told if channel == TEXT]

    @property
    def second(self) -> FakeStream:
        return self.stage.source.opened[1]


@pytest.fixture
async def evening() -> AsyncIterator[Evening]:
    theatre = Theatre()
    players = PlayersOnStage(theatre.clock)
    theatre.new_players = lambda: players
    for name, url in URLS.items():
        theatre.source.has(url, f"Song {name}", FRAMES * 20)
    theatre.new_worker("one")
    await theatre.clock.advance(1)
    yield Evening(theatre, players.stage)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await settle()


async def nothing(evening: Evening) -> None:
    """It is ready."""


async def buffers(evening: Evening) -> None:
    evening.second.behind = True
    await evening.stage.go_on(9)
    evening.second.behind = False


async def fails_for_a_while(evening: Evening) -> None:
    evening.second.frames, evening.second.trouble = [], TrackError("The server answered 503.")


async def is_closed(evening: Evening) -> None:
    evening.second.close()


async def fails(evening: Evening) -> None:
    await fails_for_a_while(evening)
    del evening.stage.source.frames[URLS["two"]]


async def is_emptied(evening: Evening) -> None:
    evening.second.frames = evening.stage.source.frames[URLS["two"]] = []


async def hangs(evening: Evening) -> None:
    evening.second.behind = evening.stage.source.dry = True
    await evening.stage.go_on(3 * FIRST_FRAME_SECONDS + 10)
    evening.stage.source.dry = False
    evening.stage.source.opened[-1].behind = False


Fate = Callable[[Evening], Awaitable[None]]


@pytest.mark.parametrize("fate", [nothing, buffers, fails_for_a_while, is_closed])
async def test_what_is_well_in_its_turn_is_heard_and_nobody_reads_of_it(evening: Evening, fate: Fate) -> None:
    await evening.queue_all()
    await fate(evening)
    await evening.stage.go_on(20)
    assert evening.heard == {"one", "two"}
    await evening.stage.go_on(65)
    assert evening.heard == {"one", "two", "three"}
    assert evening.read == []


@pytest.mark.parametrize(
    ("fate", "why"),
    [
        (fails, "There is nothing at that address."),
        (is_emptied, "There is no sound in that track."),
        (hangs, "Its source sends nothing any more."),
    ],
)
async def test_what_is_dead_in_its_turn_is_told_of_by_its_name_and_the_third_song_plays(
    evening: Evening, fate: Fate, why: str
) -> None:
    await evening.queue_all()
    await fate(evening)
    await evening.stage.go_on(20)
    assert evening.heard == {"one", "three"}
    assert evening.read[-1] == f"I can't play **Song two** (1:00). {why}"
    assert (await evening.theatre.says("nowplaying")).content.startswith("Playing at 0:")


async def test_what_breaks_off_in_mid_song_is_told_of_by_its_name_and_the_third_song_plays(evening: Evening) -> None:
    await evening.queue_all()
    await evening.stage.go_on(20)
    evening.second.frames, evening.second.trouble = [], TrackError("The server hung up.")
    await evening.stage.go_on(5)
    assert evening.heard == {"one", "two", "three"}
    assert evening.read == ["I can't go on with **Song two** (1:00). The server hung up."]


async def removed(evening: Evening) -> None:
    await evening.theatre.says("remove", position="1")


async def skipped_to_the_third(evening: Evening) -> None:
    await evening.theatre.says("skip", to="2")


async def moved_behind(evening: Evening) -> None:
    await evening.theatre.says("move", position="1", to="2")


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("change", [removed, skipped_to_the_third, moved_behind])
async def test_what_is_not_wanted_next_any_more_is_not_heard_next_nor_read_of(
    evening: Evening, change: Fate, *, dead: bool
) -> None:
    await evening.queue_all()
    if dead:
        await fails(evening)
    await change(evening)
    await evening.stage.go_on(20)
    assert evening.heard == {"one", "three"}
    assert evening.read == []


@pytest.mark.parametrize("dead", [False, True])
async def test_a_queue_that_is_cleared_after_the_next_track_was_opened_ends_in_silence(
    evening: Evening, *, dead: bool
) -> None:
    await evening.queue_all()
    if dead:
        await fails(evening)
    await evening.theatre.says("clear")
    await evening.stage.go_on(30)
    assert evening.heard == {"one"}
    assert evening.read == []


async def test_a_dead_track_at_the_end_of_the_queue_is_told_of_and_a_song_played_then_is_heard(
    evening: Evening,
) -> None:
    await evening.theatre.says("play", url=URLS["one"])
    await evening.theatre.says("play", url=URLS["two"])
    await evening.stage.go_on(AHEAD)
    await fails(evening)
    await evening.stage.go_on(20)
    assert evening.read == ["I can't play **Song two** (1:00). There is nothing at that address."]
    await evening.theatre.says("play", url=URLS["three"])
    await evening.stage.go_on(10)
    assert evening.heard == {"one", "three"}
