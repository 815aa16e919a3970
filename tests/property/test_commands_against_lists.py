"""Every command of a guild, in any order, against the plainest model: Python lists.

The commands run as they are shipped, on the in-memory store; the model says in a line or two what each of them means.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
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
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, PlayId, UserId
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
bare = {
    kind: st.tuples(st.sampled_from(names))
    for kind, names in {
        "walks": ["skip", "previous", "end"],
        "rewritings": ["shuffle", "clear", "stop"],
        "others": ["undo", "undo", "learn"],
    }.items()
}
commands = st.lists(
    st.one_of(
        bare["walks"],
        bare["rewritings"],
        bare["others"],
        st.tuples(st.just("play"), st.booleans()),
        st.tuples(st.just("play_all"), st.integers(1, 6)),
        st.tuples(st.sampled_from(["skip_to", "remove"]), positions),
        st.tuples(st.just("move"), positions, positions),
        st.tuples(st.just("loop"), st.sampled_from(Loop)),
    ),
    min_size=2,
    max_size=30,
).map(lambda rest: [("play_all", 5), *rest])


@dataclass
class Model:
    """What a listener would write down."""

    playing: str | None = None
    waiting: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    loop: Loop = Loop.OFF
    undo: Action | None = None
    before: Model | None = None
    """The guild before the action that can be taken back."""
    removed: str | None = None
    history_known: bool = True
    requeued: bool = False
    """Whether a looped track waits again since the last action: as a new entry, which the names here cannot tell."""

    def act(self, action: Action) -> None:
        self.undo, self.before = action, replace(self, waiting=list(self.waiting), history=list(self.history))
        self.requeued = False

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
                self.waiting = before.waiting + since
                self.history_known = False
                if self.playing is None and self.undo is Action.STOP:
                    self.playing, self.loop = before.playing, before.loop
                elif self.playing is None:
                    self.playing = self.waiting.pop(0)
            case Action.SHUFFLE:
                left = Counter(since)
                self.waiting = [name for name in before.waiting if left[name]]
                self.waiting += [name for name in since if name not in before.waiting]
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
            self.model.playing = track.url
        else:
            self.model.waiting.insert(0 if next_up else len(self.model.waiting), track.url)

    async def play_all(self, count: int) -> None:
        tracks = [self.new_track() for _ in range(count)]
        await self.player.play_all(tracks, user=MEMBER, voice=VOICE, text=TEXT)
        urls = [track.url for track in tracks]
        if self.model.playing is None:
            self.model.playing = urls.pop(0)
        self.model.waiting += urls

    async def skip(self) -> None:
        await self.player.skip()
        if self.model.loop is Loop.QUEUE and self.model.playing:
            self.model.waiting.append(self.model.playing)
            self.model.requeued = True
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
        if self.model.loop is Loop.QUEUE and self.model.playing:
            self.model.waiting.append(self.model.playing)
            self.model.requeued = True
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
        await self.queue.shuffle()
        self.model.act(Action.SHUFFLE)
        self.model.rewritten()
        shuffled = await self.waiting()
        assert sorted(shuffled) == sorted(self.model.waiting)
        self.model.waiting = shuffled

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
            if model.waiting == [name for name in model.before.waiting if name != removed]:
                assert now == model.before.waiting
            place = next(n for n, name in enumerate(now) if now[:n] + now[n + 1 :] == model.waiting and name == removed)
            model.waiting.insert(place, removed)
        model.undo = None

    async def waiting(self) -> list[str]:
        state = await self.store.state()
        return [entry.track.url for entry in await self.store.entries(after=state.head, limit=100)]

    async def agree(self) -> None:
        state, model = await self.store.state(), self.model
        waiting = await self.store.entries(after=state.head, limit=100)
        assert [entry.track.url for entry in waiting] == model.waiting
        current = await self.store.entry(state.current) if state.current else None
        assert (current and current.track.url) == model.playing
        assert state.tally == Tally.of(waiting), "counts and total time are those of what waits"
        assert (state.loop, state.undo) == (model.loop, model.undo)
        assert state.head <= state.tail
        assert all(entry.key <= state.tail for entry in waiting)
        assert state.kept_generation is None or state.undo in (Action.CLEAR, Action.STOP, Action.SHUFFLE)
        if model.history_known:
            history = [entry.track.url for entry in await self.store.history(state, limit=HISTORY)]
            assert history == model.history[::-1][:HISTORY]
        await self.store.sweep(state)


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
            return model.playing is not None and (bool(model.history) or not model.history_known)
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


@settings(max_examples=200)
@given(commands)
def test_every_command_does_what_a_list_would_say(history: Sequence[tuple[object, ...]]) -> None:
    async def live_through_it() -> None:
        guild = Guild(FakeGuildStores(FakeClock()).open(GuildId(1)))
        for command, *arguments in history:
            expected = allowed(guild.model, str(command), *arguments)
            if command == "previous" and not guild.model.history_known:
                continue
            if command == "undo" and guild.model.undo is Action.SHUFFLE and guild.model.requeued:
                continue
            carry_out = getattr(guild, str(command))
            if expected:
                await carry_out(*arguments)
            else:
                with pytest.raises(CommandRefused):
                    await carry_out(*arguments)
            await guild.agree()

    asyncio.run(live_through_it())


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
