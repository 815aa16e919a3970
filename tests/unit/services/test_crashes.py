"""Tracks that bring down their decoder or their worker, and songs that were merely there when a worker died."""

from __future__ import annotations

import itertools

import pytest

from tests.fakes.guild import GUILD, OTHER_GUILD, SECOND_SONG, SONG
from tests.fakes.voice_room import FakePlayer
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.crash_record import GOT_ON_MS, NO_CRASHES, CrashRecord
from timmybot.domain.ids import GuildId
from timmybot.ports.voice import Ending
from timmybot.services import trials

BOMB = "https://radio.example/bomb.mp3"
STEP_SECONDS = 0.25
NAME = "Bomb"


class Nights:
    """Workers that follow one another, as each is killed by the ``bombs`` that it begins to play."""

    def __init__(self, theatre: Theatre, *bombs: str) -> None:
        self.theatre = theatre
        self.bombs = bombs
        self.deaths = 0
        self.begun: list[tuple[int, GuildId, str]] = []
        """What was begun where, with the number of deaths before."""
        self._numbers = itertools.count(1)
        self._counted: dict[GuildId, int] = {}
        self.worker = self._start()

    def _start(self) -> FakeWorker:
        self._counted = {}
        return self.theatre.new_worker(f"night {next(self._numbers)}")

    async def kill(self) -> None:
        await self.worker.killed()
        self.deaths += 1
        self.worker = self._start()

    async def pass_by(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_SECONDS)):
            await self.theatre.clock.advance(STEP_SECONDS)
            if any([self._look_at(guild) for guild in list(self.worker.players.statuses())]):
                await self.kill()

    def _look_at(self, guild: GuildId) -> bool:
        """Let time pass for what plays there, and say whether it kills."""
        player = self.worker.player(guild)
        begun = [each.removeprefix("play ") for each in player.told if each.startswith("play ")]
        fresh = begun[self._counted.get(guild, 0) :]
        self._counted[guild] = len(begun)
        self.begun += [(self.deaths, guild, each) for each in fresh]
        if player.sounds:
            player.reach(player.status().position_ms + round(1_000 * STEP_SECONDS))
        return any(each.startswith(bomb) for each in fresh for bomb in self.bombs)

    async def crashes(self, guild: GuildId = GUILD) -> CrashRecord:
        return (await self.theatre.guilds.open(guild).state()).crashes

    def hears(self, guild: GuildId) -> str:
        player = self.worker.player(guild)
        begun = [each.removeprefix("play ") for each in player.told if each.startswith("play ")]
        return begun[-1].partition(" from ")[0] if begun and player.sounds else ""


@pytest.fixture
async def house(theatre: Theatre) -> Theatre:
    theatre.source.has(BOMB, NAME, 600_000)
    theatre.source.has(SONG, "First song", 600_000)
    theatre.source.has(SECOND_SONG, "Second song", 600_000)
    return theatre


async def playing(theatre: Theatre, worker: FakeWorker, url: str = BOMB) -> FakePlayer:
    await theatre.says("play", url=url)
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(1)
    return worker.player(GUILD)


async def crashes(theatre: Theatre) -> CrashRecord:
    return (await theatre.guilds.open(GUILD).state()).crashes


# -- a decoder -----------------------------------------------------------------------------------------------------


async def test_a_track_that_ends_its_decoder_is_played_on_once_with_one_of_its_own(
    house: Theatre, worker: FakeWorker
) -> None:
    player = await playing(house, worker)
    player.end(Ending.CRASHED, "The decoder crashed.", at_ms=7_000)
    await house.clock.advance(1)
    assert player.told[-1] == f"play {NAME} from 7000 alone"
    assert (await crashes(house)).decoder == 1
    assert house.rest.told == []


async def test_one_that_ends_that_one_too_is_skipped_and_its_guild_told_by_its_name(
    house: Theatre, worker: FakeWorker
) -> None:
    player = await playing(house, worker)
    for at_ms in (7_000, 8_000):
        player.end(Ending.CRASHED, "The decoder crashed.", at_ms=at_ms)
        await house.clock.advance(1)
    ((_, sentence),) = house.rest.told
    assert sentence == "I skipped **Bomb** (10:00): it crashes my decoder. Try another file."
    assert player.told[-1] == "play Second song from 0"
    assert await crashes(house) == NO_CRASHES


async def test_the_crash_is_recorded_before_the_track_is_tried_again(house: Theatre, worker: FakeWorker) -> None:
    player = await playing(house, worker)
    house.guilds.faults.outage = True
    player.end(Ending.CRASHED, "The decoder crashed.", at_ms=7_000)
    await house.clock.advance(4)
    assert player.told.count(f"play {NAME} from 7000 alone") == 0
    house.guilds.faults.outage = False
    await house.clock.advance(4)
    assert player.told[-1] == f"play {NAME} from 7000 alone"


async def test_a_successor_decodes_it_alone_from_the_beginning(house: Theatre) -> None:
    nights = Nights(house)
    player = await playing(house, nights.worker)
    player.end(Ending.CRASHED, "The decoder crashed.", at_ms=7_000)
    await house.clock.advance(3)
    await nights.kill()
    await nights.pass_by(12)
    assert {each.rpartition(" ")[2] for _, _, each in nights.begun} == {"alone"}
    nights.worker.player(GUILD).end(Ending.CRASHED, "The decoder crashed.", at_ms=8_000)
    await nights.pass_by(1)
    assert nights.hears(GUILD) == "Second song"


async def test_the_same_track_played_again_by_a_member_begins_without_a_record(
    house: Theatre, worker: FakeWorker
) -> None:
    player = await playing(house, worker)
    player.end(Ending.CRASHED, "The decoder crashed.", at_ms=7_000)
    await house.clock.advance(1)
    await house.says("skip")
    await house.says("previous")
    await house.clock.advance(1)
    assert player.told[-1] == f"play {NAME} from 0"


# -- a worker ------------------------------------------------------------------------------------------------------


async def test_a_track_that_kills_its_worker_again_and_again_is_skipped_and_the_bot_plays(house: Theatre) -> None:
    nights = Nights(house, NAME)
    await nights.pass_by(2)
    await house.says("play", guild=OTHER_GUILD, url=SONG)
    await nights.pass_by(3)
    await house.says("play", url=BOMB)
    await house.says("play", url=SECOND_SONG)
    await nights.pass_by(120)
    assert nights.deaths == 4
    assert (nights.hears(GUILD), nights.hears(OTHER_GUILD)) == ("Second song", "First song")
    assert [sentence for _, sentence in house.rest.told] == [
        "I skipped **Bomb** (10:00): I crashed each time I played it. Try another file."
    ]
    assert (await nights.crashes(OTHER_GUILD)).worker <= 1


async def test_two_such_tracks_in_two_guilds_are_both_found(house: Theatre) -> None:
    nights = Nights(house, NAME, "First song")
    await nights.pass_by(2)
    await house.says("play", guild=OTHER_GUILD, url=SONG)
    await house.says("play", guild=OTHER_GUILD, url=SECOND_SONG)
    await house.says("play", url=BOMB)
    await house.says("play", url=SECOND_SONG)
    await nights.pass_by(240)
    assert nights.deaths <= 6
    assert (nights.hears(GUILD), nights.hears(OTHER_GUILD)) == ("Second song", "Second song")
    assert len(house.rest.told) == 2


async def test_three_kills_in_a_row_that_no_track_is_to_blame_for_cost_nobody_a_track(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    for guild in (GUILD, OTHER_GUILD):
        await house.says("play", guild=guild, url=SONG)
    await nights.pass_by(3)
    for _ in range(3):
        await nights.kill()
        await nights.pass_by(house.settings.lease_seconds + 4)
    await nights.pass_by(30)
    assert (nights.hears(GUILD), nights.hears(OTHER_GUILD)) == ("First song", "First song")
    assert house.rest.told == []
    assert {(await nights.crashes(guild)).worker for guild in (GUILD, OTHER_GUILD)} == {0}


async def test_kills_between_which_the_song_gets_on_make_no_suspect_of_it(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    for _ in range(5):
        await nights.pass_by(house.settings.lease_seconds + GOT_ON_MS / 1000 + 6)
        await nights.kill()
        assert (await nights.crashes()).worker <= 1


async def test_a_hand_over_counts_against_nobody(house: Theatre) -> None:
    first = house.new_worker("first")
    await house.clock.advance(1)
    await playing(house, first, SONG)
    heir = house.new_worker("heir")
    await house.clock.advance(3)
    await first.drained()
    await house.clock.advance(3)
    assert heir.player(GUILD).sounds
    assert await crashes(house) == NO_CRASHES


async def test_a_suspect_is_marked_and_decoded_alone_where_it_is_tried_alone(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    await nights.pass_by(1)
    for _ in range(2):
        await nights.kill()
        await nights.pass_by(house.settings.lease_seconds + 3)
    found = await nights.crashes()
    assert (found.worker, found.marked) == (2, True)
    assert not nights.begun[-1][2].endswith(" alone")
    await nights.kill()
    await nights.pass_by(house.settings.lease_seconds + 3)
    assert (await nights.crashes()).worker == 3
    assert nights.begun[-1][2].endswith(" alone")


async def test_suspects_are_tried_a_few_at_a_time_and_then_one_by_one(house: Theatre) -> None:
    many = trials.Trials()
    nudged: list[int] = []
    all_of_them = [
        trials.Trial(many, house.clock, lambda number=number: nudged.append(number))  # type: ignore[misc]
        for number in range(trials.TOGETHER + 1)
    ]
    assert [many.may_begin(each, alone=False) for each in all_of_them] == [True] * trials.TOGETHER + [False]
    assert not many.may_begin(all_of_them[-1], alone=True)
    many.ended(all_of_them[0])
    assert nudged == [trials.TOGETHER]
    assert many.may_begin(all_of_them[-1], alone=False)
    for each in all_of_them:
        many.ended(each)
    assert many.may_begin(all_of_them[0], alone=True)
    assert not many.may_begin(all_of_them[1], alone=False)


async def test_a_suspect_that_is_paused_is_not_opened_before_it_is_resumed(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    await nights.pass_by(1)
    await nights.kill()
    await nights.pass_by(house.settings.lease_seconds + 3)
    await house.says("pause")
    await nights.kill()
    await nights.pass_by(house.settings.lease_seconds + 3)
    assert not any(each.startswith("play") for each in nights.worker.player(GUILD).told)
    await house.says("resume")
    await nights.pass_by(2)
    assert nights.hears(GUILD) == "First song"


async def test_what_is_paused_while_it_is_tried_holds_up_nobody_and_is_not_blamed(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    await nights.pass_by(1)
    for _ in range(2):
        await nights.kill()
        await nights.pass_by(house.settings.lease_seconds + 3)
    assert (await nights.crashes()).marked
    await house.says("pause")
    await nights.pass_by(2)
    assert not (await nights.crashes()).marked
    await house.says("resume")
    await nights.pass_by(2)
    assert (await nights.crashes()).marked
    await nights.pass_by(13)
    assert await nights.crashes() == NO_CRASHES


async def test_what_follows_is_not_opened_while_the_song_before_it_is_in_doubt(house: Theatre) -> None:
    """Of two that are open, the one that is not marked might be what kills the worker."""
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    await house.says("play", url=BOMB)
    await nights.pass_by(3)
    await nights.kill()
    await nights.pass_by(house.settings.lease_seconds + 3)
    player = nights.worker.player(GUILD)
    player.near_its_end()
    await nights.pass_by(1)
    assert "prepare Bomb" not in player.told
    await nights.pass_by(GOT_ON_MS / 1000)
    player.near_its_end()
    await nights.pass_by(1)
    assert "prepare Bomb" in player.told


async def test_an_orderly_end_while_a_suspect_is_tried_takes_the_mark_off(house: Theatre) -> None:
    nights = Nights(house)
    await nights.pass_by(2)
    await house.says("play", url=SONG)
    await nights.pass_by(1)
    for _ in range(2):
        await nights.kill()
        await nights.pass_by(house.settings.lease_seconds + 3)
    assert (await nights.crashes()).marked
    await nights.worker.drained()
    assert not (await nights.crashes()).marked
