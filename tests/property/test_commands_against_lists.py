"""Every command of a guild, in any order, against the plainest model: Python lists.

The commands run as they are shipped, on the in-memory store; the model says in a line or two what each of them means.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeGuildStores
from timmybot.domain.change import Change, OwedReply
from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_state import Action, Loop
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, OrderKey, PlayId, UserId
from timmybot.domain.order_key import FRACTION_LIMIT, START
from timmybot.domain.tally import Tally
from timmybot.domain.track import Entry, Track
from timmybot.ports.guild_store import GuildStore
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.moving_on import Over, move_on
from timmybot.services.queue_commands import QueueCommands

LIMIT = 12
HISTORY = 10
VOICE, TEXT, MEMBER = ChannelId(1), ChannelId(2), UserId(3)

positions = st.integers(1, LIMIT)
COMMANDS: dict[str, st.SearchStrategy[tuple[object, ...]]] = {
    **{name: st.tuples(st.just(name)) for name in ("skip", "previous", "end", "learn", "shuffle", "clear", "stop")},
    "undo": st.tuples(st.just("undo")),
    "play": st.tuples(st.just("play"), st.booleans()),
    "play_all": st.tuples(st.just("play_all"), st.integers(1, 6)),
    "skip_to": st.tuples(st.just("skip_to"), positions),
    "remove": st.tuples(st.just("remove"), positions),
    "move": st.tuples(st.just("move"), positions, positions),
    "loop": st.tuples(st.just("loop"), st.sampled_from(Loop)),
}
History = list[tuple[object, ...]]


def histories_of(names: frozenset[str]) -> st.SearchStrategy[History]:
    return st.lists(st.one_of(*(COMMANDS[name] for name in sorted(names))), min_size=2, max_size=30)


# Members who use a few commands meet what lies deep in them sooner than members who use all of them.
# Source: A. Groce et al., "Swarm Testing" (2012).
histories = (
    st.one_of(st.just(frozenset(COMMANDS)), st.frozensets(st.sampled_from(sorted(COMMANDS)), min_size=2, max_size=6))
    .flatmap(histories_of)
    .map(lambda rest: [("play_all", 5), *rest])
)


@dataclass(frozen=True, eq=False)
class Item:
    """One entry: equal to itself alone, as the same track may be in a queue more than once."""

    url: str


def urls_of(items: Sequence[Item]) -> list[str]:
    return [item.url for item in items]


@dataclass
class Model:
    """What a listener would write down."""

    playing: Item | None = None
    waiting: list[Item] = field(default_factory=list)
    history: list[Item] = field(default_factory=list)
    loop: Loop = Loop.OFF
    undo: Action | None = None
    before: Model | None = None
    """The guild before the action that can be taken back."""
    removed: Item | None = None

    def act(self, action: Action) -> None:
        self.undo, self.before = action, replace(self, waiting=list(self.waiting), history=list(self.history))

    def loop_again(self) -> None:
        if self.loop is Loop.QUEUE and self.playing:
            self.waiting.append(Item(self.playing.url))

    def start_next(self) -> None:
        assert self.playing is not None
        self.history.append(self.playing)
        self.playing = self.waiting.pop(0) if self.waiting else None
        if self.playing is None:
            self.loop = Loop.OFF

    def rewritten(self) -> None:
        """Into a new writing of the queue, only the last of the history goes along."""
        self.history = self.history[-HISTORY:]

    def undone(self) -> None:
        before, since = self.before, self.waiting
        assert before is not None
        match self.undo:
            case Action.CLEAR | Action.STOP:
                self.history = list(before.history)
                self.waiting = before.waiting + [Item(item.url) for item in since]
                if self.playing is None and self.undo is Action.STOP:
                    self.playing, self.loop = before.playing, before.loop
                elif self.playing is None:
                    self.playing = before.playing
                    self.start_next()
                elif self.playing is not before.playing:
                    self.history += [before.playing] if before.playing else []
                    self.playing = Item(self.playing.url)
            case Action.SHUFFLE:
                self.waiting = [item for item in before.waiting if item in since]
                self.waiting += [item for item in since if item not in before.waiting]
                self.rewritten()
        self.undo = None


class Guild:
    def __init__(self, store: GuildStore) -> None:
        self.store = store
        self.model = Model()
        self.ids = itertools.count(1)

    def new_id(self) -> str:
        return f"id{next(self.ids)}"

    @property
    def player(self) -> GuildCommands:
        return GuildCommands(self.store, InteractionId(next(self.ids)), new_id=self.new_id, queue_limit=LIMIT)

    @property
    def queue(self) -> QueueCommands:
        return QueueCommands(self.store, InteractionId(next(self.ids)), new_id=self.new_id, queue_limit=LIMIT)

    def new_track(self) -> Track:
        number = next(self.ids)
        return Track(f"https://music.example/{number}", duration_ms=None if number % 3 == 0 else number * 1_000)

    async def play(self, next_up: bool) -> None:
        track = self.new_track()
        await self.player.play(track.url, user=MEMBER, voice=VOICE, text=TEXT, owed=_owed, next_up=next_up)
        if self.model.playing is None:
            self.model.playing = Item(track.url)
        else:
            self.model.waiting.insert(0 if next_up else len(self.model.waiting), Item(track.url))

    async def play_all(self, count: int) -> None:
        tracks = [self.new_track() for _ in range(count)]
        await self.player.play_all(tracks, user=MEMBER, voice=VOICE, text=TEXT)
        items = [Item(track.url) for track in tracks]
        if self.model.playing is None:
            self.model.playing = items.pop(0)
        self.model.waiting += items

    async def skip(self) -> None:
        await self.player.skip()
        self.model.loop_again()
        self.model.start_next()

    async def end(self) -> None:
        """The natural end of a track, as a worker commits it."""
        state = await self.store.state()
        if state.play_id is None:
            return
        change, _ = await move_on(self.store, state, state.play_id, Over.ENDED, self.new_id)
        await self.store.commit(change)
        if self.model.loop is Loop.TRACK:
            return
        self.model.loop_again()
        self.model.start_next()

    async def learn(self) -> None:
        """A worker finds out how long the first waiting track is."""
        state = await self.store.state()
        if entry := (await self.store.step(state)).to:
            known = replace(entry, track=replace(entry.track, title="known", duration_ms=5_000))
            await self.store.commit(Change(state.learn(entry, known), replace=(known,)))

    async def skip_to(self, position: int) -> None:
        await self.player.skip_to(position)
        for _ in range(position):
            self.model.start_next()

    async def previous(self) -> None:
        await self.player.previous()
        assert self.model.playing
        self.model.waiting.insert(0, self.model.playing)
        self.model.playing = self.model.history.pop()

    async def loop(self, mode: Loop) -> None:
        await self.player.loop(mode)
        self.model.loop = mode

    async def stop(self) -> None:
        await self.player.stop()
        self.model.act(Action.STOP)
        self.model.rewritten()
        self.model.waiting.clear()
        self.model.start_next()

    async def remove(self, position: int) -> None:
        await self.queue.remove(position)
        self.model.act(Action.REMOVE)
        self.model.removed = self.model.waiting.pop(position - 1)

    async def move(self, position: int, to: int) -> None:
        await self.queue.move(position, to)
        self.model.waiting.insert(to - 1, self.model.waiting.pop(position - 1))

    async def clear(self) -> None:
        await self.queue.clear()
        self.model.act(Action.CLEAR)
        self.model.rewritten()
        self.model.waiting.clear()

    async def shuffle(self) -> None:
        waiting = await self.entries()
        named = dict(zip((entry.entry_id for entry in waiting), self.model.waiting, strict=True))
        await self.queue.shuffle()
        self.model.act(Action.SHUFFLE)
        self.model.rewritten()
        shuffled = await self.entries()
        assert sorted(named) == sorted(entry.entry_id for entry in shuffled), "each entry is there once"
        self.model.waiting = [named[entry.entry_id] for entry in shuffled]

    async def undo(self) -> None:
        await self.queue.undo()
        if self.model.undo is Action.REMOVE:
            await self.agree_that_the_removed_is_back()
        else:
            self.model.undone()

    async def agree_that_the_removed_is_back(self) -> None:
        model, removed = self.model, self.model.removed
        assert removed is not None
        assert model.before is not None
        if model.playing is None:
            model.playing = removed
        else:
            now = await self.waiting()
            if model.waiting == [item for item in model.before.waiting if item is not removed]:
                assert now == urls_of(model.before.waiting)
            others = urls_of(model.waiting)
            place = next(n for n, url in enumerate(now) if now[:n] + now[n + 1 :] == others and url == removed.url)
            model.waiting.insert(place, removed)
        model.undo = None

    async def squeeze(self) -> None:
        """Give every entry a key between which and the next no other fits."""
        state = await self.store.state()
        held = await self.store.entries(after=START, limit=100)
        tight = [replace(entry, key=_tight(number, entry)) for number, entry in enumerate(held, start=1)]
        keys = {entry.key: squeezed.key for entry, squeezed in zip(held, tight, strict=True)}
        head = keys[state.head]
        moved = replace(state, current=state.current and head, head=head, tail=tight[-1].key)
        await self.store.commit(Change(moved, add=tuple(tight), remove=tuple(keys)))

    async def entries(self) -> list[Entry]:
        state = await self.store.state()
        return await self.store.entries(after=state.head, limit=100)

    async def waiting(self) -> list[str]:
        return [entry.track.url for entry in await self.entries()]

    async def agree(self) -> None:
        state, model = await self.store.state(), self.model
        waiting = await self.entries()
        assert [entry.track.url for entry in waiting] == urls_of(model.waiting)
        current = await self.store.entry(state.current) if state.current else None
        assert (current and current.track.url) == (model.playing and model.playing.url)
        assert state.tally == Tally.of(waiting), "counts and total time are those of what waits"
        assert (state.loop, state.undo) == (model.loop, model.undo)
        assert state.head <= state.tail
        assert all(entry.key <= state.tail for entry in waiting)
        assert state.kept_generation is None or state.undo in (Action.CLEAR, Action.STOP, Action.SHUFFLE)
        history = await self.store.history(state, limit=100)
        assert [entry.track.url for entry in history][:HISTORY] == urls_of(model.history)[::-1][:HISTORY]
        names = [entry.entry_id for entry in [*history, *([current] if current else []), *waiting]]
        assert len(names) == len(set(names)), "no two entries of a queue have one name"
        await self.store.sweep(state)


def _tight(number: int, entry: Entry) -> OrderKey:
    return OrderKey(f"{1:012d}.{number:0{FRACTION_LIMIT}d}-{entry.entry_id}")


def _owed(entry: Entry) -> OwedReply:
    return OwedReply(InteractionId(1), 1, "a-token", entry.key, 9e12)


def allowed(model: Model, command: str, *arguments: object) -> bool:
    """Whether the model says that the command can be carried out."""
    room, size = LIMIT - len(model.waiting), len(model.waiting)
    places = [number for number in arguments if type(number) is int]
    match command:
        case "play":
            return model.playing is None or room >= 1
        case "play_all":
            return places[0] <= room + (model.playing is None)
        case "previous":
            return model.playing is not None and bool(model.history)
        case "skip" | "stop" | "loop":
            return model.playing is not None
        case "shuffle" | "clear":
            return size > 0
        case "skip_to" | "remove" | "move":
            return all(number <= size for number in places)
        case "undo":
            before = model.before
            fits = (
                before is None or model.undo not in (Action.CLEAR, Action.STOP) or len(before.waiting) + size <= LIMIT
            )
            return model.undo is not None and fits
    return True


async def live_through(guild: Guild, history: Sequence[tuple[object, ...]]) -> None:
    for command, *arguments in history:
        expected = allowed(guild.model, str(command), *arguments)
        carry_out = getattr(guild, str(command))
        if expected:
            await carry_out(*arguments)
        else:
            with pytest.raises(CommandRefused):
                await carry_out(*arguments)
        await guild.agree()


def a_guild() -> Guild:
    return Guild(FakeGuildStores(FakeClock()).open(GuildId(1)))


@settings(max_examples=200)
@given(histories)
def test_every_command_does_what_a_list_would_say(history: Sequence[tuple[object, ...]]) -> None:
    asyncio.run(live_through(a_guild(), history))


@settings(max_examples=200)
@given(histories)
def test_every_command_does_the_same_where_no_key_is_left_between_any_two(
    history: Sequence[tuple[object, ...]],
) -> None:
    async def live_through_it() -> None:
        guild, (begin, *rest) = a_guild(), history
        await live_through(guild, [begin])
        await guild.squeeze()
        await live_through(guild, rest)

    asyncio.run(live_through_it())


ONE_SPOT: dict[str, tuple[History, int]] = {
    "the last one goes first": ([("move", 5, 1)], 100),
    "two change places": ([("move", 1, 2)], 100),
    "one is put next and another removed": ([("play", True), ("remove", 3)], 1_000),
    "what was cleared comes back behind what plays since": ([("clear",), ("play", False), ("skip",), ("undo",)], 100),
    "what was stopped comes back behind what plays since": ([("stop",), ("play", False), ("undo",)], 100),
}
"""Rounds of commands that each put something at the same spot, and after how many of them its keys have run out."""


@pytest.mark.parametrize(("commands", "rounds"), ONE_SPOT.values(), ids=ONE_SPOT)
def test_rounds_without_end_at_one_spot_are_carried_out_like_the_first(commands: History, rounds: int) -> None:
    async def live_through_them() -> None:
        guild = a_guild()
        await live_through(guild, [("play_all", 6)])
        for _ in range(rounds):
            await live_through(guild, commands)
        asked_for = rounds * sum(command in ("clear", "stop") for command, *_ in commands)
        made = (await guild.store.state()).generations
        assert made > asked_for, "no round found the spot too tight: this shows nothing"

    asyncio.run(live_through_them())


def test_a_play_id_is_new_for_each_playing() -> None:
    async def live_through_it() -> None:
        guild = Guild(FakeGuildStores(FakeClock()).open(GuildId(1)))
        seen: set[PlayId] = set()
        await guild.play_all(4)
        for command in ("skip", "previous", "skip", "stop", "undo", "clear", "undo"):
            state = await guild.store.state()
            await getattr(guild, command)()
            after = await guild.store.state()
            if after.play_id and after.play_id != state.play_id:
                assert after.play_id not in seen
                seen.add(after.play_id)

    asyncio.run(live_through_it())
