"""Every command is answered within Discord's three seconds, and what is cut short loses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.clock import settle
from tests.fakes.discord import FakeFirstAnswers
from tests.fakes.guild import ALICE, GUILD, SONG, TEXT, FrontOfHouse
from timmybot.domain.order_key import START
from timmybot.domain.track import Track
from timmybot.services.answering import Answer
from timmybot.services.deferring import DEFER_AFTER_SECONDS, EDIT_PAUSES_SECONDS, TOO_LONG, Deferring
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.interactions import Interactions, message
from timmybot.services.invocation import BadPayload

DISCORDS_SECONDS = 3.0
PATIENCE_SECONDS = 8.0
TOKEN = "a-token-of-an-interaction"
TRACKS = 300


def made_at(unix_seconds: float) -> int:
    """The id of an interaction that Discord made then."""
    return (int(unix_seconds * 1000) - 1_420_070_400_000) << 22


def payload(command: str, kind: int = 2, interaction_id: int = 900) -> dict[str, Any]:
    return {
        "type": kind,
        "id": str(interaction_id),
        "application_id": "5",
        "guild_id": str(GUILD),
        "channel_id": str(TEXT),
        "member": {"user": {"id": str(ALICE)}},
        "token": TOKEN,
        "data": {"name": command, "options": [{"name": "url", "value": SONG}] if command == "play" else []},
    }


class Counter:
    """Where interactions are answered, in a house with a long queue."""

    def __init__(self) -> None:
        self.house = FrontOfHouse()
        self.answers = FakeFirstAnswers()
        self.deferring = Deferring(Interactions(self.house.answering), self.answers, self.house.clock)
        self.written = asyncio.Event()

    async def with_a_long_queue(self) -> list[str]:
        await self.house.says("play", url=SONG)
        store = self.house.guilds.open(GUILD)
        for number in range(TRACKS):
            await self.house.says("play", url=f"https://radio.example/{number}.ogg")
        return [entry.entry_id for entry in await store.entries(after=START, limit=10_000)]

    def write_slowly(self) -> None:
        """What is written beside the queue is half done until ``written`` is set."""
        self.house.guilds.faults.long_writing = self.written

    def asks(self, command: str, kind: int = 2, interaction_id: int = 900) -> asyncio.Task[dict[str, Any] | None]:
        asked = payload(command, kind, interaction_id)
        responding = self.deferring.respond(asked, patience_seconds=PATIENCE_SECONDS)
        return asyncio.create_task(responding)

    async def order(self) -> list[str]:
        store = self.house.guilds.open(GUILD)
        return [entry.entry_id for entry in await store.entries(after=START, limit=10_000)]


async def test_a_quick_command_is_answered_at_once_and_nothing_is_deferred() -> None:
    counter = Counter()
    body = await counter.asks("queue")
    assert body is not None
    assert body["type"] == 4
    assert counter.answers.given == []


async def test_a_long_shuffle_is_deferred_in_time_and_its_answer_follows() -> None:
    counter = Counter()
    before = await counter.with_a_long_queue()
    counter.write_slowly()
    asked = counter.asks("shuffle")
    await counter.house.clock.advance(DISCORDS_SECONDS)
    assert counter.answers.given == [(900, {"type": 5})]
    counter.written.set()
    assert await asked is None
    assert counter.answers.edits[TOKEN]["content"].startswith(f"Shuffled {TRACKS:,} tracks")
    assert counter.answers.edits[TOKEN]["allowed_mentions"] == {"parse": []}
    assert await counter.order() != before


async def test_negative_control_a_command_that_is_not_deferred_is_not_answered_within_discords_seconds() -> None:
    counter = Counter()
    await counter.with_a_long_queue()
    counter.write_slowly()
    asked = asyncio.create_task(Interactions(counter.house.answering).respond(payload("shuffle")))
    await counter.house.clock.advance(DISCORDS_SECONDS)
    assert not asked.done()
    assert counter.answers.given == []
    asked.cancel()


async def test_a_shuffle_that_takes_too_long_is_given_up_told_and_leaves_the_queue_as_it_was() -> None:
    """Before the function is stopped in the middle. What was half written beside the queue, nobody ever sees."""
    counter = Counter()
    before = await counter.with_a_long_queue()
    counter.write_slowly()
    asked = counter.asks("shuffle")
    await counter.house.clock.advance(PATIENCE_SECONDS)
    assert await asked is None
    assert counter.answers.edits[TOKEN]["content"] == TOO_LONG
    assert await counter.order() == before
    counter.written.set()
    await settle()
    assert await counter.order() == before
    await counter.house.says("shuffle")
    assert sorted(await counter.order()) == sorted(before)


async def test_a_list_whose_writing_is_stopped_in_the_middle_is_queued_whole_the_next_time() -> None:
    counter = Counter()
    before = await counter.with_a_long_queue()
    counter.write_slowly()
    store, house = counter.house.guilds.open(GUILD), counter.house
    tracks = [Track(f"https://radio.example/list/{number}.ogg") for number in range(TRACKS)]
    state = await store.state()
    assert state.voice_channel_id is not None

    def queueing() -> asyncio.Task[str]:
        invocation = house.invocation("play")
        commands = GuildCommands(store, invocation.interaction_id, new_id=house.new_id, queue_limit=5_000)
        assert state.voice_channel_id is not None
        return asyncio.create_task(commands.play_all(tracks, user=ALICE, voice=state.voice_channel_id, text=TEXT))

    stopped = queueing()
    await settle()
    stopped.cancel()
    await settle()
    assert await counter.order() == before
    counter.written.set()
    await queueing()
    assert len(await counter.order()) == len(before) + TRACKS


async def test_where_discord_cannot_be_told_to_wait_the_answer_is_given_all_the_same() -> None:
    counter = Counter()
    counter.answers.refuses = True
    counter.house.rest.slow = asyncio.Event()
    asked = counter.asks("play")
    await counter.house.clock.advance(DEFER_AFTER_SECONDS)
    counter.house.rest.slow.set()
    await counter.house.clock.advance(sum(EDIT_PAUSES_SECONDS))
    assert asked.done()
    body = await asked
    assert body is not None
    assert body["type"] == 4
    assert SONG in body["data"]["content"]


async def test_what_is_no_interaction_is_said_to_be_none() -> None:
    with pytest.raises(BadPayload):
        await Counter().asks("queue", kind=99)


async def test_discords_seconds_begin_when_discord_made_the_interaction() -> None:
    """A cold start has used 1.7 s of them: the command is deferred at once, and not 1.2 s later."""
    counter = Counter()
    counter.house.rest.slow = asyncio.Event()
    asked = counter.asks("play", interaction_id=made_at(counter.house.clock.now() - 1.75))
    await counter.house.clock.advance(0.1)
    assert [body for _, body in counter.answers.given] == [{"type": 5}]
    counter.house.rest.slow.set()
    assert await asked is None


@pytest.mark.parametrize("wrong_by_seconds", [-60.0, -5.0, 5.0, 60.0])
async def test_a_clock_that_is_wrong_makes_nothing_later_than_from_the_arrival(wrong_by_seconds: float) -> None:
    counter = Counter()
    counter.house.rest.slow = asyncio.Event()
    asked = counter.asks("play", interaction_id=made_at(counter.house.clock.now() + wrong_by_seconds))
    await counter.house.clock.advance(DEFER_AFTER_SECONDS - 0.1)
    assert counter.answers.given == []
    await counter.house.clock.advance(0.2)
    assert len(counter.answers.given) == 1
    asked.cancel()


async def test_a_deferral_whose_answer_is_lost_ends_as_an_edit() -> None:
    counter = Counter()
    counter.answers.loses_answers = True
    counter.house.rest.slow = asyncio.Event()
    asked = counter.asks("play")
    await counter.house.clock.advance(DISCORDS_SECONDS)
    counter.house.rest.slow.set()
    assert await asked is None
    assert SONG in counter.answers.edits[TOKEN]["content"]


async def test_nothing_waits_for_ever_where_discord_could_not_be_told() -> None:
    counter = Counter()
    counter.answers.refuses = True
    counter.house.rest.slow = asyncio.Event()
    asked = counter.asks("play")
    await counter.house.clock.advance(PATIENCE_SECONDS + 1.0)
    assert asked.done()
    body = await asked
    assert body is not None
    assert body["data"]["content"] == TOO_LONG


class Slow(Interactions):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def respond(self, payload: Any) -> dict[str, Any]:
        await self.done.wait()
        return message(Answer("The queue is empty.", ephemeral=True))


@pytest.mark.parametrize(
    ("command", "deferral"), [("queue", {"type": 5, "data": {"flags": 64}}), ("skip", {"type": 5})]
)
async def test_who_sees_a_deferred_answer_is_said_when_it_is_deferred_and_not_in_the_edit(
    command: str, deferral: dict[str, Any]
) -> None:
    counter, slow = Counter(), Slow()
    counter.deferring = Deferring(slow, counter.answers, counter.house.clock)
    asked = counter.asks(command)
    await counter.house.clock.advance(DEFER_AFTER_SECONDS)
    assert [body for _, body in counter.answers.given] == [deferral]
    slow.done.set()
    assert await asked is None
    assert counter.answers.edits[TOKEN] == {"content": "The queue is empty.", "allowed_mentions": {"parse": []}}
