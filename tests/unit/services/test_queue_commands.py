"""What members do to their queue, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sandbox.discord.commands import fill_in, validate
from tests.fakes.clock import settle
from tests.fakes.guild import ALICE, BOB, GUILD, TEXT, VOICE, FrontOfHouse
from tests.fakes.workers import Theatre
from timmybot.domain.change import Change
from timmybot.domain.errors import NothingToUndo
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId
from timmybot.domain.order_key import START
from timmybot.domain.track import Entry, Track
from timmybot.domain.undo import Undo
from timmybot.ports.guild_store import StoreUnavailable
from timmybot.services.answering import Answer
from timmybot.services.carrying_out import CarryingOut
from timmybot.services.command_definitions import DEFINITIONS
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.moving_on import RETIRED_AT_ONCE
from timmybot.services.queue_commands import QueueCommands
from timmybot.settings import Settings


def url(name: str) -> str:
    return f"https://radio.example/{name}.ogg"


async def a_house_with(*names: str, settings: Settings | None = None) -> FrontOfHouse:
    house = FrontOfHouse(settings)
    for name in names:
        await house.says("play", url=url(name))
    return house


async def shown(house: FrontOfHouse) -> list[str]:
    """What ``/queue`` shows, what plays first."""
    text = (await house.says("queue")).content
    return [part.partition(".ogg")[0] for part in text.split("radio.example/")[1:]]


async def test_a_track_for_next_is_queued_as_number_one() -> None:
    house = await a_house_with("a", "b")
    answer = await house.says("play", url=url("x"), next="True")
    assert answer.content.startswith("Queued as number 1:")
    assert await shown(house) == ["a", "x", "b"]


async def test_the_queue_can_be_reordered_by_the_numbers_it_shows() -> None:
    house = await a_house_with("a", "b", "c", "d")
    assert "is number 1 now" in (await house.says("move", position="3", to="1")).content
    assert await shown(house) == ["a", "d", "b", "c"]
    assert "Removed" in (await house.says("remove", position="2")).content
    assert "is back" in (await house.says("undo")).content
    assert (await house.says("skip", to="2")).content.startswith("Skipped to")
    assert await shown(house) == ["b", "c"]
    assert (await house.says("previous")).content.startswith("Back to")
    assert await shown(house) == ["d", "b", "c"]


async def test_what_was_played_is_shown_latest_first() -> None:
    house = await a_house_with("a", "b", "c")
    assert "Nothing was played yet" in (await house.says("history")).content
    await house.says("skip")
    await house.says("skip")
    lines = (await house.says("history")).content.splitlines()
    assert lines[1:] == [f"- <{url('b')}>", f"- <{url('a')}>"]


async def test_a_queue_says_how_much_there_is_and_what_is_not_known_of_it() -> None:
    house = await a_house_with("a", "b", "c")
    assert (await house.says("queue")).content.endswith("2 waiting, of unknown length")
    store = house.guilds.open(GUILD)
    state = await store.state()
    entry = (await store.step(state)).to
    assert entry
    resolved = replace(entry, track=Track(entry.track.url, "B", 83_000))
    await store.commit(Change(state.learn(entry, resolved), replace=(resolved,)))
    assert (await house.says("queue")).content.endswith("2 waiting, 1:23 in all and 1 of unknown length")


async def test_a_page_that_is_not_there_is_refused_and_the_last_one_is_shown() -> None:
    house = await a_house_with(*(f"n{number}" for number in range(13)))
    assert "11. <https://radio.example/n11.ogg>" in (await house.says("queue", page="2")).content
    assert (await house.says("queue", page="3")).content == "There is no page 3: the queue has 2 pages."


@pytest.mark.parametrize("names", [["now"], ["now", "next"]])
async def test_a_queue_of_one_page_says_that_it_has_one(names: list[str]) -> None:
    house = await a_house_with(*names)
    assert (await house.says("queue", page="2")).content == "There is no page 2: the queue has one page."


async def test_one_track_is_shuffled_and_cleared_in_the_singular() -> None:
    house = await a_house_with("now", "next")
    assert (await house.says("shuffle")).content.startswith("Shuffled 1 track. ")
    assert (await house.says("clear")).content == "Cleared 1 track. `/undo` brings it back."


async def test_a_page_of_the_longest_links_fits_into_a_message() -> None:
    house = await a_house_with(*(f"{number}{'x' * 900}" for number in range(12)))
    assert len((await house.says("queue")).content) <= 2_000


@pytest.mark.parametrize("position", ["0", "-1", "x", "1.5", "9" * 30, "²", ""])
@pytest.mark.parametrize("command", ["remove", "skip", "move", "queue"])
async def test_what_is_no_number_is_refused_with_a_sentence(command: str, position: str) -> None:
    house = await a_house_with("a", "b")
    options = {"remove": {"position": position}, "skip": {"to": position}, "queue": {"page": position}}
    answer = await house.says(command, **options.get(command, {"position": "1", "to": position}))  # type: ignore[arg-type]
    assert "number from 1 on" in answer.content
    assert answer.ephemeral


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        ("skip", {"to": "9"}, "There is no number 9"),
        ("remove", {"position": "2"}, "there is one"),
        ("move", {"position": "1", "to": "2"}, "There is no number 2"),
        ("previous", {}, "nothing to go back to"),
        ("undo", {}, "nothing to undo"),
        ("loop", {"mode": "sideways"}, "`off`, `track` and `queue`"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    command: str, options: dict[str, str], sentence: str
) -> None:
    house = await a_house_with("a", "b")
    answer = await house.says(command, **options)  # type: ignore[arg-type]
    assert sentence in answer.content
    assert answer.ephemeral
    assert await shown(house) == ["a", "b"]


@pytest.mark.parametrize("command", ["clear", "shuffle"])
async def test_with_nothing_waiting_there_is_nothing_to_clear_or_shuffle(command: str) -> None:
    assert "Nothing waits" in (await (await a_house_with("a")).says(command)).content


@pytest.mark.parametrize("command", ["previous", "loop", "skip"])
async def test_with_nothing_playing_they_say_how_to_start(command: str) -> None:
    assert "`/play`" in (await FrontOfHouse().says(command, mode="track")).content


async def test_two_members_step_back_at_one_moment_and_one_step_is_made() -> None:
    house = await a_house_with("a", "b", "c")
    await house.says("skip")
    await house.says("skip")
    answers = await asyncio.gather(house.says("previous", user=ALICE), house.says("previous", user=BOB))
    assert sorted("already" in answer.content for answer in answers) == [False, True]
    assert await shown(house) == ["b", "c"]


async def test_two_members_remove_the_same_number_at_one_moment_and_one_track_goes() -> None:
    house = await a_house_with("a", "b", "c", "d")
    answers = await asyncio.gather(house.says("remove", position="1"), house.says("remove", position="1", user=BOB))
    assert sorted("played or removed just now" in answer.content for answer in answers) == [False, True]
    assert await shown(house) == ["a", "c", "d"]


async def test_two_members_move_the_same_track_to_the_same_place_at_one_moment_and_it_waits_there() -> None:
    house = await a_house_with("a", "b", "c", "d")
    moving = [house.says("move", position="2", to="1", user=user) for user in (ALICE, BOB)]
    assert all("is number 1 now" in answer.content for answer in await asyncio.gather(*moving))
    assert await shown(house) == ["a", "c", "b", "d"]


async def test_negative_control_had_the_number_been_looked_up_anew_two_tracks_would_go() -> None:
    house = await a_house_with("a", "b", "c", "d")

    class Naive(QueueCommands):
        async def _picked(self, state, position, picked):  # type: ignore[no-untyped-def]
            return await super()._picked(state, position, [])

    def naive(number: int) -> QueueCommands:
        store = house.guilds.open(GUILD)
        return Naive(store, InteractionId(number), new_id=house.new_id, queue_limit=9)

    await asyncio.gather(naive(1).remove(1), naive(2).remove(1))
    assert await shown(house) == ["a", "d"]


class Overtaken:
    """A store in which someone clears the queue between the first two reads of an undo."""

    def __init__(self, house: FrontOfHouse) -> None:
        self._house = house
        self._store = house.guilds.open(GUILD)
        self._overtaken = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def undoable(self) -> Undo | None:
        if not self._overtaken:
            self._overtaken = True
            await self._house.says("clear", user=BOB)
        return await self._store.undoable()


async def test_an_undo_that_someone_else_overtook_takes_back_what_is_the_last_action_then() -> None:
    house = await a_house_with("a", "b", "c", "d")
    await house.says("remove", position="1")
    overtaken = QueueCommands(Overtaken(house), InteractionId(7), new_id=house.new_id, queue_limit=9)  # type: ignore[arg-type]
    assert await overtaken.undo() == "What was cleared is back."
    assert await shown(house) == ["a", "c", "d"]


async def test_negative_control_did_a_refusal_not_look_again_it_would_say_that_there_is_nothing_to_undo() -> None:
    house = await a_house_with("a", "b", "c", "d")
    await house.says("remove", position="1")

    class Hasty(CarryingOut):
        async def _is_still(self, state: GuildState) -> bool:
            return True

    store: Any = Overtaken(house)
    overtaken = QueueCommands(store, InteractionId(7), new_id=house.new_id, queue_limit=9)
    overtaken._carry_out = Hasty(store, InteractionId(7))
    with pytest.raises(NothingToUndo):
        await overtaken.undo()


async def test_a_shuffle_that_fails_beside_the_queue_has_changed_nothing_and_the_next_one_works() -> None:
    house = await a_house_with(*(f"n{number}" for number in range(120)))
    store = house.guilds.open(GUILD)
    before = [entry.key for entry in await store.entries(after=START, limit=500)]

    class Breaking:
        """The store, which takes half of what is written beside the queue and is gone."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def prepare(self, generation: int, put: list[Entry], remove: object) -> None:
            await store.prepare(generation, put[:50])
            raise StoreUnavailable("half of it is written")

    broken = QueueCommands(Breaking(), InteractionId(7), new_id=house.new_id, queue_limit=500)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await broken.shuffle()
    assert [entry.key for entry in await store.entries(after=START, limit=500)] == before
    assert (await house.says("shuffle")).content.startswith("Shuffled 119 tracks")
    state = await store.state()
    assert state.waiting == len(await store.entries(after=state.head, limit=500)) == 119


async def test_a_thousand_tracks_can_be_put_in_front_one_after_the_other() -> None:
    """Keys run out on the way, and the queue gets fresh ones: nobody is told."""
    house = await a_house_with("playing", settings=Settings(queue_limit=2_000))
    for number in range(1_000):
        answer = await house.says("play", url=url(str(number)), next="True")
        assert answer.content.startswith("Queued as number 1:")
    store = house.guilds.open(GUILD)
    state = await store.state()
    entries = await store.entries(after=state.head, limit=2_000)
    assert [entry.track.url for entry in entries] == [url(str(number)) for number in reversed(range(1_000))]
    assert state.generation == 1


class TestWhatDiscordIsTold:
    def test_the_definitions_are_such_as_discord_takes(self) -> None:
        assert validate(DEFINITIONS) == DEFINITIONS

    async def test_every_command_offered_is_understood_with_all_its_options(self) -> None:
        registered = [{**definition, "id": str(number)} for number, definition in enumerate(DEFINITIONS, start=1)]
        values = {"url": url("x"), "next": True, "page": 1, "to": 1, "position": 1, "mode": "off"}
        values |= {"percent": 100, "name": "bass", "loudness": "off", "leave_after": 5, "dj": 5}
        house = await a_house_with("a", "b", "c")
        for definition in DEFINITIONS:
            options = {option["name"]: values[option["name"]] for option in definition["options"]}
            data = fill_in(registered, definition["name"], options)
            given = {each["name"]: str(each["value"]) for each in data.get("options", [])}
            answer: Answer = await house.says(definition["name"], **given)  # type: ignore[arg-type]
            assert "I don't know" not in answer.content


class TestLoops:
    @pytest.fixture
    async def theatre(self) -> AsyncIterator[Theatre]:
        house = Theatre()
        for name in "ab":
            house.source.has(url(name), name)
        yield house
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await settle()

    async def test_a_looped_track_is_heard_again_from_its_start_until_it_is_skipped(self, theatre: Theatre) -> None:
        worker = theatre.new_worker("one")
        await theatre.clock.advance(1)
        for name in "ab":
            await theatre.says("play", url=url(name))
        await theatre.says("loop", mode="track")
        await theatre.clock.advance(1)
        player = worker.player(GUILD)
        for _ in range(2):
            player.end()
            await settle()
            assert player.told[-1] == "play a from 0"
        await theatre.says("skip")
        await theatre.clock.advance(1)
        assert player.told[-1] == "play b from 0"

    async def test_a_looped_queue_goes_round(self, theatre: Theatre) -> None:
        worker = theatre.new_worker("one")
        await theatre.clock.advance(1)
        for name in "ab":
            await theatre.says("play", url=url(name))
        await theatre.says("loop", mode="queue")
        await theatre.clock.advance(1)
        player = worker.player(GUILD)
        for name in "baba":
            player.end()
            await settle()
            assert player.told[-1] == f"play {name} from 0"

    @pytest.mark.parametrize("mode", ["track", "queue"])
    async def test_a_looped_track_that_ends_at_once_is_given_up_and_the_queue_goes_on(
        self, theatre: Theatre, mode: str
    ) -> None:
        worker = theatre.new_worker("one")
        await theatre.clock.advance(1)
        await theatre.says("play", url=url("a"))
        await theatre.says("loop", mode=mode)
        await theatre.clock.advance(1)
        player = worker.player(GUILD)
        for _ in range(3):
            assert player.told[-1] == "play a from 0"
            player.end(at_ms=200)
            await theatre.clock.advance(1)
        assert player.told[-1] == "leave"
        assert theatre.rest.told[-1][1].startswith("This track ends as soon as it begins")

    async def test_a_worker_sweeps_what_no_undo_needs(self, theatre: Theatre) -> None:
        theatre.new_worker("one")
        await theatre.clock.advance(1)
        for name in "abab":
            await theatre.says("play", url=url(name))
        for _ in range(3):
            await theatre.says("shuffle")
        await theatre.says("pause")
        await theatre.clock.advance(1)
        state = await theatre.guilds.open(GUILD).state()
        written = [number for number, entries in theatre.guilds.stored[GUILD].entries.items() if entries]
        assert sorted(written) == [state.kept_generation, state.generation]

    async def test_a_worker_lets_what_was_jumped_over_be_forgotten_bit_by_bit(self, theatre: Theatre) -> None:
        theatre.new_worker("one")
        await theatre.clock.advance(1)
        tracks = [Track(url(str(number)), "A song", 60_000) for number in range(2 * RETIRED_AT_ONCE + 10)]
        commands = GuildCommands(
            theatre.guilds.open(GUILD), InteractionId(1), new_id=theatre.new_id, queue_limit=len(tracks)
        )
        await commands.play_all(tracks, user=ALICE, voice=VOICE, text=TEXT)
        expiring = theatre.guilds.stored[GUILD].expiring
        await theatre.says("skip", to=str(len(tracks) - 1))
        assert len(expiring) == 1, "a member waits for what they heard to the end, and for nothing else"
        for _ in range(3):
            await theatre.clock.advance(theatre.settings.scan_seconds)
        assert len(expiring) == len(tracks) - 1, "all but what plays"

    async def test_a_worker_looks_for_what_was_jumped_over_only_where_something_was(self, theatre: Theatre) -> None:
        theatre.new_worker("one")
        await theatre.clock.advance(1)
        for name in "ab":
            await theatre.says("play", url=url(name))
        store = theatre.guilds.open(GUILD)

        async def calls_of_a_scan() -> int:
            before = theatre.guilds.faults.calls
            await theatre.clock.advance(theatre.settings.scan_seconds)
            return theatre.guilds.faults.calls - before

        await calls_of_a_scan()
        usual = await calls_of_a_scan()
        state = await store.state()
        await store.commit(Change(replace(state, overtaken=state.head)))
        assert await calls_of_a_scan() > usual
        assert await calls_of_a_scan() == usual

    async def test_a_stop_taken_back_is_heard_where_it_was(self, theatre: Theatre) -> None:
        worker = theatre.new_worker("one")
        await theatre.clock.advance(1)
        await theatre.says("play", url=url("a"))
        await theatre.says("play", url=url("b"))
        await theatre.clock.advance(1)
        await theatre.says("stop")
        await theatre.clock.advance(1)
        assert worker.player(GUILD).told[-1] == "leave"
        assert (await theatre.says("undo")).content == "What was stopped is back. Now playing **a** (1:00)"
        await theatre.clock.advance(1)
        assert worker.player(GUILD).told[-1] == "play a from 0"
