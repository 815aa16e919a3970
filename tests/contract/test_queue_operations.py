"""What members do to a queue, carried out on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.guild import Members
from tests.contract.members import an_owed_reply
from tests.contract.stored import Kept
from timmybot.domain.change import Change
from timmybot.domain.errors import (
    NoLongerWaiting,
    NoSuchPosition,
    NothingBefore,
    NothingToUndo,
    QueueFull,
    TooMuchSince,
)
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import EntryId, Epoch, InteractionId, OrderKey, RoleId
from timmybot.domain.order_key import START
from timmybot.domain.queue_edits import remove
from timmybot.domain.sound import Effect
from timmybot.entrypoints.new_id import new_id
from timmybot.ports.guild_store import VersionConflict
from timmybot.ports.records.guild import HISTORY_KEPT_SECONDS
from timmybot.services.moving_on import Over, move_on, retire_overtaken

MANY = [f"m{number:03d}" for number in range(150)]


@pytest.fixture
def members(kept: Kept) -> Members:
    return Members(kept.stores.guilds)


async def test_what_is_to_be_played_next_comes_before_what_waits(members: Members) -> None:
    await members.play("a", "b", "c")
    await members.play("x", "y", next_up=True)
    assert (await members.heard(), await members.waiting()) == ("a", ["y", "x", "b", "c"])


async def test_skips_and_steps_back_walk_along_the_queue(members: Members) -> None:
    await members.play("a", "b", "c", "d", "e")
    await members.player().skip()
    await members.player().skip_to(2)
    assert (await members.heard(), await members.waiting()) == ("d", ["e"])
    assert await members.history() == ["c", "b", "a"]
    await members.player().previous()
    assert (await members.heard(), await members.waiting()) == ("c", ["d", "e"])
    for _ in "ba":
        await members.player().previous()
    with pytest.raises(NothingBefore):
        await members.player().previous()
    assert await members.waiting() == ["b", "c", "d", "e"]


async def test_a_track_can_be_removed_moved_and_brought_back(members: Members) -> None:
    await members.play("a", "b", "c", "d")
    await members.queue().remove(2)
    assert await members.waiting() == ["b", "d"]
    await members.queue().undo()
    assert await members.waiting() == ["b", "c", "d"]
    await members.queue().move(3, 1)
    assert await members.waiting() == ["d", "b", "c"]
    await members.queue().move(1, 3)
    assert await members.waiting() == ["b", "c", "d"]
    with pytest.raises(NothingToUndo):
        await members.queue().undo()
    with pytest.raises(NoSuchPosition):
        await members.queue().remove(4)


@pytest.mark.parametrize("count", [5, 150], ids=["in one transaction", "beside the queue"])
async def test_a_shuffle_keeps_every_track_and_the_old_order_can_be_had_again(members: Members, count: int) -> None:
    await members.play("playing")
    await members.play_all(MANY[:count])
    before = await members.store.state()
    await members.queue().shuffle()
    shuffled = await members.waiting()
    assert sorted(shuffled) == MANY[:count]
    state = await members.store.state()
    assert (state.play_id, state.tally) == (before.play_id, before.tally)
    await members.play("later")
    assert await members.waiting() == [*shuffled, "later"]
    await members.queue().undo()
    assert await members.waiting() == [*MANY[:count], "later"]


async def test_a_long_list_can_be_the_first_that_a_guild_hears_of_us(members: Members) -> None:
    assert await members.history() == []
    await members.play_all(MANY)
    assert (await members.heard(), await members.waiting()) == (MANY[0], MANY[1:])


async def test_a_long_list_is_queued_whole_behind_what_waits_or_not_at_all(members: Members) -> None:
    await members.play("playing", "waiting")
    members.limit = 150
    with pytest.raises(QueueFull, match="150"):
        await members.play_all(MANY)
    assert await members.waiting() == ["waiting"]
    members.limit = 151
    await members.play_all(MANY)
    assert await members.waiting() == ["waiting", *MANY]
    state = await members.store.state()
    assert (state.waiting, state.waiting_ms, state.waiting_unknown) == (151, 150 * 60_000, 1)


async def test_what_was_cleared_comes_back_before_what_was_queued_since(members: Members) -> None:
    await members.play("a", "b", "c")
    await members.player().skip()
    await members.queue().clear()
    assert (await members.heard(), await members.waiting(), await members.history()) == ("b", [], ["a"])
    await members.play("x", "y")
    await members.player().skip()
    await members.queue().undo()
    assert (await members.heard(), await members.waiting()) == ("x", ["c", "y"])


async def test_what_is_played_again_and_then_brought_back_is_there_twice_and_stays_so(members: Members) -> None:
    await members.play("a", "b", "c")
    await members.player().skip()
    await members.queue().clear()
    await members.player().previous()
    await members.queue().undo()
    assert (await members.heard(), await members.waiting()) == ("a", ["c", "b"])
    for _ in range(2):
        await members.player().previous()
    assert (await members.heard(), await members.waiting()) == ("a", ["b", "a", "c", "b"])
    await members.queue().shuffle()
    assert sorted(await members.waiting()) == ["a", "b", "b", "c"]
    assert (await members.store.state()).waiting == 4


async def test_an_answer_owed_for_what_plays_follows_it_into_the_queue_that_comes_back(members: Members) -> None:
    await members.play("a", "b")
    await members.queue().clear()
    await members.player().skip()
    await members.play("x", settled=False)
    await members.queue().undo()
    state = await members.store.state()
    assert [owed.key for owed in await members.store.owed_replies()] == [state.current]


async def test_what_was_stopped_goes_on_where_it_was(members: Members) -> None:
    await members.play("a", "b")
    state = await members.store.state()
    assert state.play_id
    await members.store.commit(Change(state.save_position(state.play_id, 42_000)))
    await members.player().stop()
    assert (await members.heard(), await members.waiting(), await members.history()) == (None, [], ["a"])
    await members.queue().undo()
    assert (await members.heard(), await members.waiting()) == ("a", ["b"])
    assert (await members.store.state()).position_ms == 42_000


async def test_too_much_queued_since_is_not_brought_together_with_what_was_cleared(members: Members) -> None:
    await members.play("a", "b")
    await members.queue().clear()
    await members.play_all(MANY[:51])
    with pytest.raises(TooMuchSince):
        await members.queue().undo()
    assert len(await members.waiting()) == 51


async def test_a_looped_track_is_played_again_and_a_looped_queue_goes_round(members: Members) -> None:
    await members.play("a", "b")
    await members.player().loop(Loop.TRACK)
    await ended(members)
    assert (await members.heard(), await members.waiting()) == ("a", ["b"])
    await members.player().loop(Loop.QUEUE)
    await ended(members)
    assert (await members.heard(), await members.waiting()) == ("b", ["a"])
    await ended(members, Over.FAILED)
    assert (await members.heard(), await members.waiting()) == ("a", []), "what cannot be played is not looped"
    await members.player().loop(Loop.OFF)
    await members.player().skip()
    assert await members.heard() is None


async def ended(members: Members, why: Over = Over.ENDED) -> None:
    state = await members.store.state()
    assert state.play_id
    await members.store.commit((await move_on(members.store, state, state.play_id, why, new_id))[0])


async def test_a_command_that_is_delivered_twice_is_carried_out_once(members: Members) -> None:
    await members.play("playing")
    await members.play_all(MANY, interaction=1)
    await members.play_all(MANY, interaction=1)
    for _ in range(2):
        await members.queue(2).shuffle()
        await members.queue(3).remove(1)
        await members.queue(4).move(1, 2)
        await members.player(5).skip()
        await members.player(6).previous()
        await members.queue(7).clear()
    assert (await members.heard(), len(await members.waiting())) == ("playing", 0)
    for _ in range(2):
        await members.queue(8).undo()
    assert len(await members.waiting()) == 149


async def test_an_entry_picked_by_its_number_is_meant_by_its_key_from_then_on(members: Members) -> None:
    await members.play("a", "b", "c", "d")
    faster, store = Members(members.stores), members.store
    raced: list[str] = []

    class Raced:
        """The store, with someone faster between the first reading and its write."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def commit(self, change: Change) -> GuildState:
            if not raced:
                raced.append("faster")
                await faster.queue().remove(1)
            return await store.commit(change)

    members.store = Raced()  # type: ignore[assignment]  # all that a command calls is there
    with pytest.raises(NoLongerWaiting):
        await members.queue().remove(1)
    members.store = store
    assert await members.waiting() == ["c", "d"]


async def test_answers_that_are_owed_follow_their_entries(members: Members, kept: Kept) -> None:
    await members.play("a", "b", "c")
    state = await members.store.state()
    keys = [entry.key for entry in await members.store.entries(after=START, limit=10)]
    owed = [replace(an_owed_reply(n, kept.clock.now() + 900), key=key) for n, key in enumerate(keys, start=1)]
    await members.store.commit(Change(state, owe=tuple(owed)))
    await members.queue().move(1, 2)
    await members.queue().shuffle()
    state = await members.store.state()
    replies = await members.store.owed_replies()
    found = [await members.store.entry(reply.key, of=state) for reply in replies]
    assert [entry and entry.track.url[-1] for entry in found] == ["a", "b", "c"]


async def test_two_shuffles_beside_the_queue_never_mix(members: Members) -> None:
    """The first to be handed a number is overtaken: its writing may never be pointed at."""
    await members.play("playing")
    await members.play_all(MANY)
    store, slow = members.store, Members(members.stores)
    overtaken: list[str] = []

    class Overtaken:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def prepare(self, *arguments: object) -> None:
            await store.prepare(*arguments)  # type: ignore[arg-type]
            if not overtaken:
                overtaken.append("once")
                await members.queue().shuffle()
                await members.queue().remove(1)

    slow.store = Overtaken()  # type: ignore[assignment]
    await slow.queue().shuffle()
    waiting = await members.waiting()
    assert len(waiting) == len(set(waiting)) == 149
    assert (await store.state()).waiting == 149


async def test_writings_that_nothing_needs_are_swept_and_those_that_an_undo_needs_are_kept(members: Members) -> None:
    await members.play("playing")
    await members.play_all(MANY)
    await members.queue().shuffle()
    await members.queue().shuffle()
    await members.queue().clear()
    state = await members.store.state()
    while await members.store.sweep(state):
        continue
    stored = [await stored_in(members, number) for number in range(state.generations + 1)]
    assert [bool(count) for count in stored] == [
        number in (state.generation, state.kept_generation) for number in range(state.generations + 1)
    ]
    await members.queue().undo()
    assert len(await members.waiting()) == 150


async def stored_in(members: Members, generation: int) -> int:
    of = replace(GuildState(), generation=generation)
    return len(await members.store.entries(after=START, limit=10_000, of=of))


async def test_history_is_forgotten_after_its_time_but_not_what_was_brought_back(members: Members, kept: Kept) -> None:
    await members.play("a", "b", "c")
    await members.player().skip()
    await members.player().skip()
    await members.player().previous()
    kept.clock.freeze(HISTORY_KEPT_SECONDS + 1)
    assert await members.history() == []
    assert (await members.heard(), await members.waiting()) == ("b", ["c"])
    with pytest.raises(NothingBefore):
        await members.player().previous()


async def test_however_much_was_jumped_over_is_forgotten_like_what_was_played(members: Members, kept: Kept) -> None:
    await members.play_all(MANY)
    await members.player().skip_to(140)
    await a_worker_looks(members)
    kept.clock.freeze(HISTORY_KEPT_SECONDS + 1)
    assert await members.history() == MANY[139:129:-1], "the first of it has its time, and no more than the first"
    await a_worker_looks(members)
    kept.clock.freeze(HISTORY_KEPT_SECONDS + 1)
    assert await members.history() == []
    assert (await members.heard(), await members.waiting()) == (MANY[140], MANY[141:])
    assert (await members.store.state()).overtaken is None


async def test_what_was_jumped_over_and_waits_again_is_not_forgotten(members: Members, kept: Kept) -> None:
    await members.play("a", "b", "c", "d", "e")
    await members.player().skip_to(3)
    for _ in "cb":
        await members.player().previous()
    await a_worker_looks(members)
    kept.clock.freeze(HISTORY_KEPT_SECONDS + 1)
    await members.player().skip()
    assert (await members.heard(), await members.waiting()) == ("c", ["d", "e"])


async def test_what_was_jumped_over_before_a_clear_is_still_to_be_forgotten_when_it_is_taken_back(
    members: Members, kept: Kept
) -> None:
    await members.play("a", "b", "c", "d")
    await members.player().skip_to(2)
    await members.queue().clear()
    await a_worker_looks(members)
    await members.queue().undo()
    assert (await members.history(), await members.waiting()) == (["b", "a"], ["d"])
    await a_worker_looks(members)
    kept.clock.freeze(HISTORY_KEPT_SECONDS + 1)
    assert await members.history() == []


async def a_worker_looks(members: Members) -> None:
    state = await members.store.claim(Epoch(1))
    await retire_overtaken(members.store, lambda: state.epoch)


async def test_what_someone_else_wrote_behind_the_last_place_is_played_and_the_queue_goes_on(members: Members) -> None:
    await members.play("a", "b")
    state = await members.store.state()
    (entry,) = await members.store.entries(after=state.head, limit=1)
    foreign = replace(entry, key=OrderKey("999999999999.zzzzzzzzzzzzzzzz-x"), entry_id=EntryId("x"))
    await members.store.prepare(state.generation, [foreign])
    for _ in "bb":
        await members.player().skip()
    state = await members.store.state()
    assert (await members.heard(), state.current) == ("b", foreign.key)
    await members.player().loop(Loop.QUEUE)
    await ended(members)
    assert await members.heard() is None, "there is no place behind it to loop it to"
    await members.play("c", "d")
    assert (await members.heard(), await members.waiting()) == ("c", ["d"])


async def test_settings_outlive_whatever_is_done_to_the_queue_and_an_undo_brings_no_old_ones_back(
    members: Members,
) -> None:
    await members.play("a")
    await members.play("b")
    await members.player().stop()
    state = await members.store.state()
    chosen = GuildSettings(80, 125, Effect.BASS, None, 30, RoleId(9))
    await members.store.commit(Change(state.choose(chosen)))
    assert (await members.store.state()).settings == chosen
    await members.queue().undo()
    assert (await members.heard(), (await members.store.state()).settings) == ("a", chosen)
    await members.queue().shuffle()
    await members.player().stop()
    assert (await members.store.state()).settings == chosen


async def test_a_change_is_refused_whole_with_what_would_undo_it(members: Members) -> None:
    await members.play("a", "b")
    state = await members.store.state()
    (entry,) = await members.store.entries(after=state.head, limit=1)
    await members.player().pause()
    with pytest.raises(VersionConflict):
        await members.store.commit(remove(state, entry))
    assert await members.store.undoable() is None
    assert await members.waiting() == ["b"]


async def test_what_was_brought_back_to_a_place_taken_meanwhile_leaves_room_for_another(members: Members) -> None:
    await members.play("a", "b", "c")
    await members.queue().remove(1)
    await members.play("x", next_up=True)
    await members.queue().undo()
    first, second, last = await members.waiting()
    assert {first, second, last} == {"b", "x", "c"}
    await members.queue().move(3, 2)
    assert await members.waiting() == [first, last, second]


@pytest.mark.parametrize("count", [2, 150], ids=["in one transaction", "beside the queue"])
async def test_what_was_cleared_comes_back_also_where_no_key_is_left_for_what_plays_since(
    members: Members, count: int
) -> None:
    await members.play("a", "b")
    await members.play_all(MANY[:count])
    await members.queue().remove(1)
    await members.play("x", next_up=True)
    await members.queue().undo()
    await members.player().skip()
    heard = await members.heard()
    (other, *_) = await members.waiting()
    assert {heard, other} == {"b", "x"}, "the two have one place"
    await members.queue().clear()
    await members.play("y")
    await members.play("z", settled=False)
    await members.player().skip()
    await members.queue().undo()
    assert (await members.heard(), await members.waiting()) == ("y", [other, *MANY[:count], "z"])
    assert await members.history() == [heard, "a"]
    state = await members.store.state()
    assert [owed.key for owed in await members.store.owed_replies()] == [state.tail], "its answer is given to z"
    assert state.waiting == 2 + count
    with pytest.raises(NothingToUndo):
        await members.queue().undo()


async def test_when_no_short_key_is_left_the_queue_gets_fresh_places(members: Members) -> None:
    await members.play("a", "b", "c")
    state = await members.store.state()
    (first, *_) = await members.store.entries(after=state.head, limit=2)
    squeezed = replace(first, key=OrderKey("000000000001.0000000000000001-x"))
    await members.store.commit(Change(state, add=(squeezed,), remove=(first.key,)))
    await members.play("next", next_up=True)
    assert (await members.heard(), await members.waiting()) == ("a", ["next", "b", "c"])
    assert all(len(entry.key) < 40 for entry in await members.store.entries(after=START, limit=9))
    assert (await members.store.state()).has_seen(InteractionId(0)) is False
