"""A guild's state and stored queue, under any sequence of commands, against the plainest model: two Python lists."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeGuildStores
from timmybot.domain.change import Change
from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_state import RECENT_INTERACTIONS, GuildState
from timmybot.domain.ids import ChannelId, EntryId, GuildId, InteractionId, OrderKey, PlayId, UserId
from timmybot.domain.order_key import START, after
from timmybot.domain.track import Entry, Track
from timmybot.ports.guild_store import GuildStore

LIMIT = 5
TEXT = ChannelId(9)

plays = st.tuples(st.just("play"), st.sampled_from([ChannelId(1), ChannelId(2)]))
removals = st.tuples(st.just("remove"), st.integers(0, LIMIT))
advances = st.tuples(st.just("advance"), st.booleans())
others = st.tuples(st.sampled_from(["pause", "resume", "stop", "save"]), st.just(None))
commands = st.lists(st.one_of(plays, plays, removals, advances, others), max_size=40)


@dataclass
class Model:
    """What a listener would write down: what plays, what waits, what has been current."""

    playing: str | None = None
    channel: ChannelId | None = None
    waiting: list[str] = field(default_factory=list)
    paused: bool = False
    heard: list[str] = field(default_factory=list)

    def start(self, name: str | None) -> None:
        self.playing, self.paused = name, False
        if name is None:
            self.channel = None
        else:
            self.heard.append(name)


class Guild:
    """Carries out commands as the services do, on a store, and on the model beside it."""

    def __init__(self, store: GuildStore) -> None:
        self.store = store
        self.model = Model()
        self.made = 0
        self.state = GuildState()

    async def play(self, voice: ChannelId) -> None:
        self.made += 1
        name = f"n{self.made}"
        track = Track(f"https://music.example/{name}")
        entry = Entry(after(self.state.tail, EntryId(name)), EntryId(name), track, UserId(1))
        try:
            wanted = self.state.enqueue(entry, voice=voice, text=TEXT, play_id=self.new_play_id(), limit=LIMIT)
        except CommandRefused:
            elsewhere = self.model.playing is not None and self.model.channel != voice
            assert elsewhere or len(self.model.waiting) >= LIMIT
            return
        await self.commit(Change(wanted, add=(entry,)))
        self.model.channel = voice
        if self.model.playing is None:
            self.model.start(name)
        else:
            self.model.waiting.append(name)

    async def advance(self, stale: bool) -> None:
        over = PlayId("long-gone") if stale else self.state.play_id
        following = await self.store.entries(after=self.state.head, limit=1)
        if stale or over is None:
            with pytest.raises(CommandRefused):
                self.state.advance(PlayId("long-gone"), following[0] if following else None, self.new_play_id())
            return
        await self.commit(Change(self.state.advance(over, following[0] if following else None, self.new_play_id())))
        self.model.start(self.model.waiting.pop(0) if self.model.waiting else None)

    async def remove(self, place: int) -> None:
        waiting = await self.store.entries(after=self.state.head, limit=LIMIT + 1)
        if place < len(waiting):
            entry = waiting[place]
            await self.commit(Change(self.state.without_waiting(entry), remove=(entry.key,)))
            del self.model.waiting[place]

    async def pause(self, _: None) -> None:
        await self.if_playing(self.state.pause, paused=True)

    async def resume(self, _: None) -> None:
        await self.if_playing(self.state.resume, paused=False)

    async def stop(self, _: None) -> None:
        if await self.if_playing(self.state.stop, paused=False):
            self.model.start(None)
            self.model.waiting.clear()

    async def save(self, _: None) -> None:
        assert self.state.save_position(PlayId("long-gone"), 5) == self.state
        if self.state.play_id:
            await self.commit(Change(self.state.save_position(self.state.play_id, 1234)))

    async def if_playing(self, command: object, *, paused: bool) -> bool:
        assert callable(command)
        if self.model.playing is None:
            with pytest.raises(CommandRefused):
                command()
            return False
        await self.commit(Change(command()))
        self.model.paused = paused
        return True

    async def commit(self, change: Change) -> None:
        self.state = await self.store.commit(change)

    def new_play_id(self) -> PlayId:
        self.made += 1
        return PlayId(f"play-{self.made}")

    async def agree(self) -> None:
        state, model = self.state, self.model
        assert state == await self.store.state()
        assert state.wants_player == (model.playing is not None) == (state.play_id is not None)
        assert state.head <= state.tail
        behind_head = await self.store.entries(after=state.head, limit=100)
        assert [entry.entry_id for entry in behind_head] == model.waiting
        assert state.waiting == len(model.waiting)
        assert (state.paused, state.voice_channel_id) == (model.paused, model.channel)
        current = await self.store.entry(state.current) if state.current else None
        assert (current and current.entry_id) == model.playing
        assert len(set(model.heard)) == len(model.heard), "an entry is current at most once"


@settings(max_examples=150)
@given(commands)
def test_what_plays_and_what_waits_is_what_a_list_would_say(history: list[tuple[str, object]]) -> None:
    async def live_through_it() -> None:
        guild = Guild(FakeGuildStores(FakeClock()).open(GuildId(1)))
        for command, argument in history:
            await getattr(guild, command)(argument)
            await guild.agree()

    asyncio.run(live_through_it())


@given(st.lists(st.integers(1, 2**63 - 1), max_size=60))
def test_the_last_interactions_are_remembered_and_only_they(interactions: list[int]) -> None:
    state = GuildState()
    for interaction in interactions:
        state = state.remember(InteractionId(interaction))
    remembered = interactions[-RECENT_INTERACTIONS:]
    assert list(state.recent) == remembered
    assert all(state.has_seen(InteractionId(interaction)) for interaction in remembered)


names = st.text("0123456789abcdef", min_size=1, max_size=32).map(EntryId)


@given(st.lists(names, min_size=1, max_size=50))
def test_appended_keys_rise_and_no_two_are_the_same(entry_ids: list[EntryId]) -> None:
    keys = [START]
    for entry_id in entry_ids:
        keys.append(after(keys[-1], entry_id))
    assert keys == sorted(set(keys))


@given(names, names, names)
def test_two_who_chose_the_same_place_never_write_the_same_item(before: EntryId, one: EntryId, other: EntryId) -> None:
    start = after(START, before)
    assert (after(start, one) == after(start, other)) == (one == other)


@given(st.integers(0, 10**12 - 2), names, names)
def test_a_key_comes_after_its_neighbour_at_any_length_of_the_queue(place: int, one: EntryId, next_id: EntryId) -> None:
    key = OrderKey(f"{place:012d}-{one}")
    assert after(key, next_id) > key
