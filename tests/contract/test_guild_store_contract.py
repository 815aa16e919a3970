"""What a guild store promises."""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import replace

import pytest

from tests.contract.members import (
    GUILD,
    OTHER_GUILD,
    TEXT,
    VOICE,
    an_entry,
    an_owed_reply,
    everything_queued,
    play,
    play_until_acknowledged,
    queued,
    skip,
)
from tests.contract.stored import Kept
from tests.fakes.stores import FakeGuildStore
from timmybot.adapters.dynamodb.guild_store import DynamoGuildStore
from timmybot.adapters.sqlite.guild_store import SqliteGuildStore
from timmybot.domain.change import Change
from timmybot.domain.crash_record import CrashRecord
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, shard_of
from timmybot.domain.order_key import START
from timmybot.domain.track import Track
from timmybot.ports.guild_store import Fenced, GuildStore, NewerRelease, VersionConflict

SHARD = shard_of(GUILD, 16)


async def test_a_guild_that_never_asked_for_anything_wants_nothing(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    assert await store.state() == GuildState()
    assert await store.entries(after=START, limit=10) == []
    assert await store.entry(OrderKey("000000000001-a")) is None
    assert await store.owed_replies() == []


async def test_a_track_queued_while_nothing_plays_starts_at_once(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    state = await play(store, "a")
    assert state.version == 1
    assert state.current == OrderKey("000000000001-a")
    assert await store.state() == state
    assert await store.entry(state.current) == an_entry(state.current, "a")


async def test_what_is_queued_is_read_back_in_order_a_page_at_a_time(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    for name in "abcde":
        await play(store, name)
    first = await store.entries(after=START, limit=2)
    rest = await store.entries(after=first[-1].key, limit=10)
    assert [entry.entry_id for entry in (*first, *rest)] == ["a", "b", "c", "d", "e"]


async def test_a_skip_moves_on_and_writes_no_entry(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    await play(store, "b")
    state = await skip(store)
    assert state.current == OrderKey("000000000002-b")
    assert await everything_queued(store) == ["a", "b"]


async def test_an_entry_is_replaced_when_it_is_better_known_and_removed_when_it_goes(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    state = await play(store, "a")
    assert state.current
    resolved = replace(an_entry(state.current, "a"), track=Track("https://music.example/a.ogg", "", duration_ms=0))
    state = await store.commit(Change(state, replace=(resolved,)))
    assert await store.entry(resolved.key) == resolved, "an empty title and a length of 0 are not the same as none"
    await store.commit(Change(state, remove=(resolved.key,)))
    assert await store.entry(resolved.key) is None


async def test_of_two_writers_who_read_the_same_state_the_second_is_refused_and_writes_nothing(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    state = await store.state()
    await store.commit(queued(state, "first"))
    with pytest.raises(VersionConflict):
        await store.commit(replace(queued(state, "second"), owe=(an_owed_reply(1, kept.clock.now() + 9),)))
    assert await everything_queued(store) == ["first"]
    assert await store.owed_replies() == []


async def test_the_second_of_two_changes_of_the_state_alone_is_refused_too(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    state = await play(store, "a")
    await store.commit(Change(state.pause()))
    with pytest.raises(VersionConflict):
        await store.commit(Change(state.stop()))
    assert (await store.state()).paused


async def test_twenty_members_queue_at_one_moment_and_every_acknowledged_entry_is_there_in_order(kept: Kept) -> None:
    stores = [kept.stores.guilds.open(GUILD) for _ in range(20)]
    acknowledged = await asyncio.wait_for(
        asyncio.gather(*(play_until_acknowledged(store, f"n{number:02d}") for number, store in enumerate(stores))), 60
    )
    in_order_of_acknowledgement = [state.tail for state in sorted(acknowledged, key=lambda state: state.version)]
    stored = await stores[0].entries(after=START, limit=100)
    assert [entry.key for entry in stored] == in_order_of_acknowledgement
    assert len(stored) == 20
    assert (await stores[0].state()).waiting == 19


async def test_a_worker_that_another_has_followed_is_fenced(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    await store.claim(Epoch(1))
    await play(store, "b", epoch=Epoch(1))
    await store.claim(Epoch(2))
    with pytest.raises(Fenced):
        await play(store, "late", epoch=Epoch(1))
    state = await store.state()
    with pytest.raises(Fenced):
        await store.commit(Change(state.pause()), epoch=Epoch(1))
    assert await everything_queued(store) == ["a", "b"]


async def test_without_its_epoch_the_late_write_of_that_worker_would_have_gone_through(kept: Kept) -> None:
    """The negative control of the test above."""
    store = kept.stores.guilds.open(GUILD)
    await store.claim(Epoch(1))
    await store.claim(Epoch(2))
    await play(store, "late")
    assert await everything_queued(store) == ["late"]


async def test_a_worker_that_never_claimed_the_guild_is_fenced(kept: Kept) -> None:
    with pytest.raises(Fenced):
        await play(kept.stores.guilds.open(GUILD), "a", epoch=Epoch(3))


async def test_claiming_again_changes_nothing_and_an_older_claim_is_refused(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    claimed = await store.claim(Epoch(2))
    assert claimed.epoch == 2
    assert await store.claim(Epoch(2)) == claimed
    with pytest.raises(Fenced):
        await store.claim(Epoch(1))
    assert await store.state() == claimed


async def test_what_a_claim_makes_of_the_state_is_written_with_it_and_only_once(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    await store.claim(Epoch(1))
    left_under: list[Epoch] = []

    def taking(left: GuildState) -> GuildState:
        left_under.append(left.epoch)
        return left.after_a_death(5_000)

    claimed = await store.claim(Epoch(2), taking=taking)
    assert (claimed.crashes, claimed.epoch) == (CrashRecord(worker=1, position_ms=5_000), 2)
    assert await store.claim(Epoch(2), taking=taking) == claimed == await store.state()
    assert left_under == [Epoch(1)]


async def test_a_command_that_read_before_a_claim_cannot_undo_it(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    before = await play(store, "a")
    await store.claim(Epoch(5))
    with pytest.raises(VersionConflict):
        await store.commit(Change(before.pause()))
    assert (await store.state()).epoch == 5


async def test_a_claim_wins_against_members_who_write_all_the_time(kept: Kept) -> None:
    stores = [kept.stores.guilds.open(GUILD) for _ in range(4)]
    *_, claimed = await asyncio.wait_for(
        asyncio.gather(
            *(play_until_acknowledged(store, f"n{number}") for number, store in enumerate(stores)),
            stores[0].claim(Epoch(1)),
        ),
        60,
    )
    assert claimed.epoch == 1
    assert (await stores[0].state()).epoch == 1
    assert len(await everything_queued(stores[0])) == 4


async def test_a_guild_that_wants_nothing_but_an_answer_is_found_until_it_has_it(kept: Kept) -> None:
    guilds = kept.stores.guilds
    store, now = guilds.open(GUILD), kept.clock.now()
    replies = an_owed_reply(1, now + 900), an_owed_reply(2, now + 900)
    await store.commit(Change(await store.state(), owe=replies))
    assert await guilds.wanting(SHARD) == [GUILD]
    for reply in replies:
        assert await guilds.wanting(SHARD) == [GUILD]
        await store.settle(reply.interaction_id)
    assert await guilds.wanting(SHARD) == []


async def test_a_guild_whose_answers_have_expired_is_not_found_once_it_was_looked_at(kept: Kept) -> None:
    guilds = kept.stores.guilds
    store = guilds.open(GUILD)
    await store.commit(Change(await store.state(), owe=(an_owed_reply(1, kept.clock.now() - 1),)))
    assert await store.owed_replies() == []
    assert await guilds.wanting(SHARD) == []


async def test_owed_replies_are_kept_oldest_first_until_settled_or_expired(kept: Kept) -> None:
    store = kept.stores.guilds.open(GUILD)
    soon, later = kept.clock.now() + 10, kept.clock.now() + 900
    young, old, short = an_owed_reply(1000, later), an_owed_reply(9, later), an_owed_reply(10, soon)
    await store.commit(Change(await store.state(), owe=(young, old, short)))
    assert await store.owed_replies() == [old, short, young]
    kept.clock.freeze(11)
    assert await store.owed_replies() == [old, young]
    await store.settle(InteractionId(9))
    await store.settle(InteractionId(9))
    assert await store.owed_replies() == [young]


async def test_only_guilds_that_want_a_player_are_listed_and_only_under_their_shard(kept: Kept) -> None:
    guilds = kept.stores.guilds
    playing, stopped = guilds.open(GUILD), guilds.open(OTHER_GUILD)
    assert shard_of(OTHER_GUILD, 16) != SHARD
    await play(playing, "a")
    await play(stopped, "b")
    assert await guilds.wanting(shard_of(OTHER_GUILD, 16)) == [OTHER_GUILD]
    await stopped.commit(Change((await stopped.state()).stop()))
    assert await guilds.wanting(SHARD) == [GUILD]
    assert await guilds.wanting(shard_of(OTHER_GUILD, 16)) == []


async def test_what_one_guild_does_is_neither_seen_nor_changed_by_another(kept: Kept) -> None:
    one, other = kept.stores.guilds.open(GUILD), kept.stores.guilds.open(OTHER_GUILD)
    # The same names, keys and interaction ids in both: only the guild tells them apart.
    for store in (one, other):
        state = await play(store, "a")
        await store.commit(Change(state, owe=(an_owed_reply(1, kept.clock.now() + 900),)))
    untouched = await other.state(), await everything_queued(other), await other.owed_replies()
    await one.claim(Epoch(9))
    await play(one, "b")
    await one.commit(Change((await one.state()).stop(), remove=(OrderKey("000000000001-a"),)))
    await one.settle(InteractionId(1))
    assert (await other.state(), await everything_queued(other), await other.owed_replies()) == untouched
    assert await everything_queued(one) == ["b"]


@pytest.mark.parametrize("opened", [GuildStore, DynamoGuildStore, SqliteGuildStore, FakeGuildStore])
def test_a_store_opened_for_one_guild_has_no_way_to_name_another(opened: type) -> None:
    for name, method in inspect.getmembers(opened, inspect.isfunction):
        if name.startswith("_"):
            continue
        for parameter in inspect.signature(method).parameters.values():
            assert "guild" not in parameter.name.lower(), name
            assert "GuildId" not in str(parameter.annotation), name


def test_that_check_would_notice_a_parameter_that_names_a_guild() -> None:
    """The negative control of the test above: the one place where guilds are named fails it."""
    with pytest.raises(AssertionError):
        test_a_store_opened_for_one_guild_has_no_way_to_name_another(type("Leaky", (), {"open": _names_a_guild}))


def _names_a_guild(self: object, guild_id: GuildId) -> None: ...


_AN_ENTRY: dict[str, object] = {"schema": 1, "entry_id": "x", "url": "https://e/", "requested_by": 1}

HOSTILE_ENTRIES: dict[str, dict[str, object]] = {
    "nothing in it": {},
    "a schema of the future": {"schema": 2, "entry_id": "x", "url": "https://secret.example/?t=s", "requested_by": 1},
    "no url": {"schema": 1, "entry_id": "x", "requested_by": 1},
    "a number for a url": {"schema": 1, "entry_id": "x", "url": 5, "requested_by": 1},
    "a title without end": {"schema": 1, "entry_id": "x", "url": "https://e/", "title": "x" * 201, "requested_by": 1},
    "a negative length": {"schema": 1, "entry_id": "x", "url": "https://e/", "duration_ms": -1, "requested_by": 1},
    "a title of 400 KB": {**_AN_ENTRY, "title": "x" * 390_000},
    "a length of half a millisecond": {**_AN_ENTRY, "duration_ms": 0.5},
    "a list for a member": {"schema": 1, "entry_id": "x", "url": "https://e/", "requested_by": [1]},
}


@pytest.mark.parametrize("hostile", HOSTILE_ENTRIES.values(), ids=HOSTILE_ENTRIES)
async def test_an_entry_that_cannot_be_understood_is_set_aside_and_the_queue_goes_on(
    kept: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    await play(store, "b")
    await play(store, "c")
    kept.queue_backdoor.entry(GUILD, "000000000002-b", hostile)
    with caplog.at_level(logging.WARNING):
        assert [entry.entry_id for entry in await store.entries(after=START, limit=2)] == ["a", "c"]
    assert len(caplog.records) == 1, "one line for one item"
    assert "secret.example" not in caplog.text
    assert await store.entry(OrderKey("000000000002-b")) is None
    state = await skip(store)
    assert state.current == OrderKey("000000000003-c")
    assert (state.waiting, state.waiting_ms, state.waiting_unknown) == (0, 0, 0), "what was passed over is not counted"


HOSTILE_STATES: dict[str, dict[str, object]] = {
    "a schema that is none": {"schema": "2", "version": 4, "epoch": 3},
    "a schema of the past": {"schema": 0, "version": 4, "epoch": 3},
    "a playing without an entry": {"schema": 1, "version": 4, "epoch": 3, "play_id": "p"},
    "a text for a number": {"schema": 1, "version": 4, "epoch": 3, "waiting": "many"},
    "a head beyond the tail": {"schema": 1, "version": 4, "epoch": 3, "head": "000000000002-b", "tail": ""},
    "a playing of 390 KB": {"schema": 1, "version": 4, "epoch": 3, "play_id": "p" * 390_000, "current": "c"},
    "a voice channel missing": {
        "schema": 1,
        "version": 4,
        "epoch": 3,
        "play_id": "p",
        "current": "000000000001-a",
        "head": "000000000001-a",
        "tail": "000000000001-a",
    },
    "a tail that is no key": {"schema": 1, "version": 4, "epoch": 3, "tail": "last"},
}


@pytest.mark.parametrize("hostile", HOSTILE_STATES.values(), ids=HOSTILE_STATES)
async def test_a_state_that_cannot_be_understood_wants_nothing_and_is_still_fenced(
    kept: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.stores.guilds.open(GUILD)
    kept.queue_backdoor.state(GUILD, hostile)
    with caplog.at_level(logging.WARNING):
        silent = GuildState(version=4, epoch=Epoch(3), generation=1, generations=1, kept_generation=0)
        assert await store.state() == silent, "and its queue is a new one, in which nothing old turns up"
    assert len(caplog.records) == 1
    with pytest.raises(Fenced):
        await play(store, "late", epoch=Epoch(2))
    assert (await play(store, "a", epoch=Epoch(3))).version == 5
    assert (await store.state()).voice_channel_id == VOICE
    assert (await store.state()).text_channel_id == TEXT


async def test_a_state_of_a_newer_release_is_left_as_it_is(kept: Kept) -> None:
    """During a deploy, or after a rollback that went too far: what is not understood here is no damage."""
    store = kept.stores.guilds.open(GUILD)
    before = await store.state()
    newer = {"schema": 2, "version": 4, "epoch": 3, "shape": {"of": "things to come"}}
    kept.queue_backdoor.state(GUILD, newer)
    with pytest.raises(NewerRelease):
        await store.state()
    with pytest.raises(NewerRelease):
        await store.claim(Epoch(9))
    for epoch in (None, Epoch(3)):
        with pytest.raises((NewerRelease, VersionConflict, Fenced)):
            await store.commit(Change(before), epoch=epoch)
    # A release that reads both goes on with it, as it was.
    kept.queue_backdoor.state(GUILD, {**newer, "schema": 1})
    assert (await store.state()).version == 4
    assert (await store.claim(Epoch(9))).version == 5


@pytest.mark.parametrize("hostile", [{}, {"schema": 1, "version": "four", "epoch": [3]}], ids=["empty", "no numbers"])
async def test_a_state_without_a_version_is_written_over_by_the_next_command(
    kept: Kept, hostile: dict[str, object]
) -> None:
    store = kept.stores.guilds.open(GUILD)
    kept.queue_backdoor.state(GUILD, hostile)
    await store.claim(Epoch(1))
    await play(store, "a", epoch=Epoch(1))
    assert (await store.state()).current == OrderKey("000000000001-a")


@pytest.mark.parametrize("key", ["zzz", "2", "000000000002", "000000000002-b c"])
async def test_an_entry_whose_place_is_none_of_ours_is_set_aside(
    kept: Kept, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.stores.guilds.open(GUILD)
    await play(store, "a")
    await play(store, "b")
    kept.queue_backdoor.entry(GUILD, key, _AN_ENTRY)
    with caplog.at_level(logging.WARNING):
        assert await everything_queued(store) == ["a", "b"]
    assert len(caplog.records) == 1
    assert (await skip(store)).waiting == 0
    assert not (await skip(store)).wants_player


@pytest.mark.parametrize("stored", [{"volume": "loud"}, {"volume": 900}, "loud", {"volume": 50}])
async def test_settings_that_cannot_be_understood_are_the_default_and_cost_no_queue(
    kept: Kept, stored: object, caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.stores.guilds.open(GUILD)
    known = {"schema": 1, "version": 6, "generation": 0, "head": "", "tail": "000000000003-z", "waiting": 2}
    kept.queue_backdoor.state(GUILD, {**known, "settings": stored})
    with caplog.at_level(logging.WARNING):
        state = await store.state()
    assert (state.settings, state.waiting) == (GuildSettings(), 2)
    await store.commit(Change(state.choose(GuildSettings(volume_percent=50))))
    assert (await store.state()).settings.volume_percent == 50


async def test_an_undo_that_cannot_be_understood_is_none(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    store = kept.stores.guilds.open(GUILD)
    assert await store.undoable() is None
    kept.queue_backdoor.undo(GUILD, {"schema": 1, "action": "remove", "before": [], "removed": "x"})
    with caplog.at_level(logging.WARNING):
        assert await store.undoable() is None
    assert len(caplog.records) == 1


HOSTILE_REPLIES: dict[str, dict[str, object]] = {
    "nothing in it": {},
    "a schema of the future": {"schema": 2, "token": "hush-hush"},
    "a text for a number": {"schema": 1, "token": "hush-hush", "application_id": "x"},
    "a token of 390 KB": {"schema": 1, "token": "hush" * 97_500, "application_id": 5, "expires_at": 9_000_000_000},
}


@pytest.mark.parametrize("hostile", HOSTILE_REPLIES.values(), ids=HOSTILE_REPLIES)
async def test_an_owed_reply_that_cannot_be_understood_is_set_aside(
    kept: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.stores.guilds.open(GUILD)
    reply = an_owed_reply(2, kept.clock.now() + 900)
    await store.commit(Change(await store.state(), owe=(reply,)))
    kept.queue_backdoor.reply(GUILD, 1, hostile)
    with caplog.at_level(logging.WARNING):
        assert await store.owed_replies() == [reply]
    assert len(caplog.records) == 1
    assert "hush" not in caplog.text
