"""What the simulator taught: histories in which a fault once left a guild waiting, or a shard with two owners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from tests.fakes.clock import settle
from tests.fakes.faults import Faults
from tests.fakes.guild import GUILD, OTHER_GUILD, SECOND_SONG, SONG
from tests.fakes.guild_store import FakeGuildStore
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, InteractionId, PlayId, ShardId, WorkerId, shard_of
from timmybot.domain.lease import Heartbeat, ShardLease
from timmybot.ports.guild_store import StoreUnavailable, Taking
from timmybot.ports.lease_store import LeaseLost
from timmybot.services import leases as leases_module
from timmybot.services.leases import Leases
from timmybot.services.once import Once


async def test_a_stop_whose_nudge_was_lost_is_found_by_the_scan(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    theatre.inbox.faults.outage = True
    await theatre.says("stop")
    await theatre.clock.advance(theatre.settings.scan_seconds + 1)
    assert not worker.player(GUILD).sounds


async def test_a_skip_to_a_slow_link_silences_at_once_and_a_stop_need_not_wait_for_it(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    theatre.source.slow[SECOND_SONG] = asyncio.Event()
    await theatre.says("play", url=SECOND_SONG)
    await theatre.says("skip")
    await theatre.clock.advance(1)
    assert not worker.player(GUILD).sounds
    await theatre.says("stop")
    await theatre.clock.advance(1)
    assert worker.player(GUILD).told[-1] == "leave"


async def test_a_nudge_from_before_a_long_outage_is_read_after_it(theatre: Theatre, worker: FakeWorker) -> None:
    theatre.guilds.faults.outage = theatre.inbox.faults.outage = True
    await theatre.clock.advance(1)
    theatre.guilds.faults.outage = theatre.inbox.faults.outage = False
    await theatre.says("play", url=SONG)
    await theatre.says("stop")
    theatre.guilds.faults.outage = theatre.inbox.faults.outage = True
    await theatre.clock.advance(2 * theatre.settings.inbox_overlap_seconds)
    theatre.guilds.faults.outage = theatre.inbox.faults.outage = False
    await theatre.clock.advance(5)
    assert InteractionId(900) in theatre.rest.edits


async def test_what_a_draining_worker_has_not_handed_over_is_left_to_it(theatre: Theatre, worker: FakeWorker) -> None:
    second = theatre.new_worker("two", start=False)
    await worker.leases.announce_draining()
    await second.worker.beat()
    assert not second.leases.held
    assert len(worker.leases.held) == theatre.settings.shard_count


async def test_a_shard_that_could_not_be_released_stays_held(theatre: Theatre, worker: FakeWorker) -> None:
    theatre.leases.faults.fail_before = 1
    with pytest.raises(StoreUnavailable):
        await worker.leases.release(ShardId(3), to=None, session=None)
    assert ShardId(3) in worker.leases.held
    assert not worker.leases.may_act, "it may have been released all the same"
    await worker.worker.beat()
    assert worker.leases.may_act


async def test_a_release_that_was_given_up_and_takes_effect_late_takes_nothing_away(
    theatre: Theatre, worker: FakeWorker
) -> None:
    """Found by the simulator: the worker held the shard again when its own release came, seconds later."""
    shard = ShardId(3)
    before = worker.leases.held[shard]
    theatre.leases.faults.fail_before = 1
    with pytest.raises(StoreUnavailable):
        await worker.leases.release(shard, to=None, session=None)
    await worker.worker.beat()
    with pytest.raises(LeaseLost):
        await theatre.leases.release(before, next_owner=None, session=None)
    assert worker.leases.held[shard].epoch == before.epoch + 1
    assert worker.leases.may_act


async def test_a_release_that_took_effect_although_its_answer_was_lost_is_found_out(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.leases.faults.fail_after = 1
    with pytest.raises(StoreUnavailable):
        await worker.leases.release(ShardId(3), to=None, session=None)
    _, lost = await worker.leases.look()
    assert lost == {ShardId(3)}


async def test_a_right_that_had_run_out_returns_only_with_a_look_at_who_owns_what(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.clock.freeze(theatre.settings.lease_seconds)
    await worker.leases.beat()
    assert not worker.leases.may_act
    await worker.leases.look()
    assert worker.leases.may_act


async def test_after_a_stall_and_an_outage_the_music_comes_back(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    theatre.clock.freeze(5.0)
    theatre.leases.faults.fail_before = 1
    await theatre.clock.advance(theatre.settings.heartbeat_seconds * 2)
    assert worker.player(GUILD).sounds


def between_the_readings(theatre: Theatre, happens: Callable[[], Awaitable[object]]) -> None:
    """Have something happen once in the next look, after who owns what was read, or after who lives."""
    read_leases, read_heartbeats = theatre.leases.leases, theatre.leases.heartbeats
    is_first = True

    async def first_or_second() -> None:
        nonlocal is_first
        if not is_first:
            theatre.leases.leases, theatre.leases.heartbeats = read_leases, read_heartbeats  # type: ignore[method-assign]
            await happens()
        is_first = False

    async def leases() -> list[ShardLease]:
        await first_or_second()
        return await read_leases()

    async def heartbeats() -> list[Heartbeat]:
        await first_or_second()
        return await read_heartbeats()

    theatre.leases.leases, theatre.leases.heartbeats = leases, heartbeats  # type: ignore[method-assign]  # the moment


async def test_a_worker_that_begins_while_another_looks_around_keeps_what_it_takes(theatre: Theatre) -> None:
    first, second = theatre.new_worker("one", start=False), theatre.new_worker("two", start=False)
    between_the_readings(theatre, second.worker.beat)
    await first.worker.beat()
    kept = {lease.shard_id for lease in await theatre.leases.leases() if lease.owner == second.leases.me}
    assert kept == set(second.leases.held) != set()


async def test_a_worker_that_returns_while_another_looks_around_keeps_what_it_takes_anew(theatre: Theatre) -> None:
    """Found by the simulator: the other read that it was silent, then what it had taken anew, and took that."""
    first, second = theatre.new_worker("one", start=False), theatre.new_worker("two", start=False)
    await second.worker.beat()
    await first.worker.beat()
    theatre.clock.freeze(theatre.settings.lease_seconds + 1)
    await first.leases.beat()
    between_the_readings(theatre, second.worker.beat)
    await first.leases.look()
    assert second.leases.may_act
    assert second.leases.held
    assert not first.leases.held.keys() & second.leases.held.keys()


async def test_a_worker_that_stood_still_while_it_read_does_not_take_its_own_standing_for_others_silence(
    theatre: Theatre,
) -> None:
    """What it read as it woke is as young as that: timed from when the reading began, its owner would seem dead."""
    owner, sleeper = theatre.new_worker("one", start=False), theatre.new_worker("two", start=False)
    await owner.worker.beat()
    await sleeper.worker.beat()
    heartbeats = theatre.leases.heartbeats

    async def stand_still() -> list[Heartbeat]:
        theatre.leases.heartbeats = heartbeats  # type: ignore[method-assign]  # once
        theatre.clock.freeze(theatre.settings.lease_seconds)
        await owner.leases.beat()
        return await heartbeats()

    theatre.leases.heartbeats = stand_still  # type: ignore[method-assign]  # the moment in which it stands still
    await sleeper.worker.beat()
    await sleeper.worker.beat()
    assert not sleeper.leases.held.keys() & owner.leases.held.keys()


async def test_a_song_that_was_paused_or_had_not_begun_stays_where_it_was(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SONG, guild=OTHER_GUILD)
    await theatre.clock.advance(1)
    worker.player(GUILD).reach(42_000)
    await theatre.says("pause")
    await theatre.clock.advance(theatre.settings.heartbeat_seconds)
    await worker.killed()
    second = theatre.new_worker("two")
    await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
    assert second.player(GUILD).told[-1] == "play First *song* from 42000"
    assert second.player(OTHER_GUILD).told[-1] == "play First *song* from 0"


async def test_a_slowed_song_is_taken_to_have_gone_on_slowly(theatre: Theatre, worker: FakeWorker) -> None:
    """Found by the simulator: what had not sounded was left out."""
    await theatre.says("speed", percent="50")
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).reach(42_000)
    await theatre.clock.advance(theatre.settings.heartbeat_seconds)
    await worker.killed()
    second = theatre.new_worker("two")
    await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
    half_a_beat_ms = theatre.settings.heartbeat_seconds * 500
    assert second.player(GUILD).told[-1] == f"play First *song* from {int(42_000 + half_a_beat_ms / 2)}"


async def goes_on_after_its_worker_died_two_seconds_into_it(theatre: Theatre, worker: FakeWorker) -> str:
    await theatre.clock.advance(theatre.settings.heartbeat_seconds - 0.9)  # a second has passed: the usual beat is over
    await theatre.says("play", url=SONG)
    for sounded_ms in range(100, 2_000, 100):
        await theatre.clock.advance(0.1)
        worker.player(GUILD).reach(sounded_ms)
    await worker.killed()
    second = theatre.new_worker("two")
    await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
    return second.player(GUILD).told[-1]


async def test_a_song_that_has_just_begun_is_in_a_heartbeat_soon(theatre: Theatre, worker: FakeWorker) -> None:
    went_on = await goes_on_after_its_worker_died_two_seconds_into_it(theatre, worker)
    place_ms = int(went_on.removeprefix("play First *song* from "))
    assert 1_900 - 1_500 < place_ms <= 1_900


async def test_negative_control_did_the_beat_not_come_sooner_all_of_that_would_be_heard_twice(
    theatre: Theatre, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_NEWS_SECONDS", theatre.settings.heartbeat_seconds)
    assert await goes_on_after_its_worker_died_two_seconds_into_it(theatre, worker) == "play First *song* from 0"


async def test_a_beat_that_was_slow_to_fail_is_tried_again_at_once(theatre: Theatre, worker: FakeWorker) -> None:
    """Else the next one comes when the lease is over already, and one slow write moves music."""
    await theatre.clock.advance(0.1)
    beat = theatre.leases.beat

    async def time_out(heartbeat: Heartbeat) -> None:
        theatre.leases.beat = beat  # type: ignore[method-assign]  # once
        await theatre.clock.sleep(2.2)
        raise StoreUnavailable("timed out")

    theatre.leases.beat = time_out  # type: ignore[method-assign]  # the slowest failure that there is
    for _ in range(50):
        await theatre.clock.advance(0.1)
        assert worker.leases.may_act


class LosesTheAnswerToAStop(Faults):
    """A store whose answer to the first write that wants no player any more is lost."""

    def __init__(self, theatre: Theatre) -> None:
        super().__init__()
        self._theatre = theatre
        self._lost = False

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        before = self._wants_player()
        async with super().call():
            yield
        if before and not self._wants_player() and not self._lost:
            self._lost = True
            raise StoreUnavailable("the answer to the stop is lost")

    def _wants_player(self) -> bool:
        stored = self._theatre.guilds.stored.get(GUILD)
        return stored is not None and isinstance(stored.state, GuildState) and stored.state.wants_player


async def thrown_out_as_the_answer_is_lost(theatre: Theatre) -> GuildState:
    """The guild after someone has queued a track before the worker that was thrown out tries again."""
    theatre.guilds.faults = LosesTheAnswerToAStop(theatre)
    worker = theatre.new_worker("one")
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).kick()
    await settle()
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(5)
    return await theatre.guilds.open(GUILD).state()


async def test_who_is_thrown_out_stops_what_was_wanted_then_and_not_what_is_queued_after(theatre: Theatre) -> None:
    assert (await thrown_out_as_the_answer_is_lost(theatre)).wants_player


async def test_negative_control_did_it_not_recognise_its_own_write_it_would_stop_again(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Once, "is_done", lambda self, state: False)
    assert not (await thrown_out_as_the_answer_is_lost(theatre)).wants_player


async def is_owner_and_has_the_right_after_a_take_arrives_late(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Somebody thinks the owner dead and takes its shards; that arrives only after the owner has woken and looked."""
    owner, other = (theatre.new_worker(name, start=False).leases for name in ("one", "two"))
    await owner.beat()
    await owner.look()
    (shard, *_) = owner.held
    await other.beat()
    await other.look()
    await theatre.clock.advance(theatre.settings.lease_seconds)
    take, on_their_way = theatre.leases.take, list[tuple[ShardLease, WorkerId]]()

    async def no_answer(seen: ShardLease, me: WorkerId) -> ShardLease:
        on_their_way.append((seen, me))
        raise StoreUnavailable("timed out")

    await other.beat()
    with monkeypatch.context() as patched:
        patched.setattr(theatre.leases, "take", no_answer)
        with pytest.raises(StoreUnavailable):
            await other.look()
    await owner.beat()
    await owner.look()
    assert owner.may_act
    for late in on_their_way:
        with suppress(LeaseLost):
            await take(*late)
    stored = {lease.shard_id: lease for lease in await theatre.leases.leases()}
    return stored[shard].owner == owner.me and owner.held[shard] == stored[shard]


async def test_a_worker_that_wakes_owns_what_it_holds_anew_so_that_a_late_take_fails(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await is_owner_and_has_the_right_after_a_take_arrives_late(theatre, monkeypatch)


async def test_negative_control_did_it_only_look_two_would_have_the_right_to_one_shard(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(self: Leases) -> None:
        self._in_doubt.clear()

    monkeypatch.setattr(Leases, "_take_back", nothing)
    assert not await is_owner_and_has_the_right_after_a_take_arrives_late(theatre, monkeypatch)


async def test_what_was_lost_before_it_could_be_taken_anew_is_not_held(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read says that it is this worker's, but that was before the other's take arrived."""
    owner = theatre.new_worker("one", start=False).leases
    await owner.beat()
    await owner.look()
    await theatre.clock.advance(theatre.settings.lease_seconds)
    read = theatre.leases.leases

    async def read_and_then_lose_all() -> list[ShardLease]:
        leases = await read()
        for lease in leases:
            await theatre.leases.take(lease, WorkerId("two"))
        return leases

    await owner.beat()
    with monkeypatch.context() as patched:
        patched.setattr(theatre.leases, "leases", read_and_then_lose_all)
        _, lost = await owner.look()
    assert lost
    assert not owner.held


async def test_a_worker_that_takes_its_shard_anew_does_not_fence_itself_off(
    theatre: Theatre, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch rises between the claim of a guild and the write that follows: it is its own, so it claims again."""
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(1)
    claim, shard = FakeGuildStore.claim, shard_of(GUILD, theatre.settings.shard_count)
    raised: list[ShardLease] = []

    async def claim_and_rise(self: FakeGuildStore, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        state = await claim(self, epoch, taking=taking)
        if not raised:
            raised.append(await theatre.leases.take(worker.leases.held[shard], worker.leases.me))
            worker.leases.held[shard] = raised[0]
        return state

    monkeypatch.setattr(FakeGuildStore, "claim", claim_and_rise)
    worker.player(GUILD).end()
    await theatre.clock.advance(1)
    assert raised
    assert worker.player(GUILD).sounds
    assert worker.player(GUILD).told[-1].startswith("play Second")


async def has_the_right_again_though_each_take_is_slow(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> bool:
    owner = theatre.new_worker("one", start=False).leases
    await owner.beat()
    await owner.look()
    await theatre.clock.advance(theatre.settings.lease_seconds)
    take = theatre.leases.take

    async def slow(seen: ShardLease, me: WorkerId) -> ShardLease:
        await theatre.clock.sleep(theatre.settings.lease_seconds / len(owner.held))
        return await take(seen, me)

    monkeypatch.setattr(theatre.leases, "take", slow)
    await owner.beat()
    looking = asyncio.create_task(owner.look())
    while not looking.done():
        await theatre.clock.advance(0.1)
    return owner.may_act


async def test_all_shards_are_taken_anew_at_once_before_the_right_runs_out(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await has_the_right_again_though_each_take_is_slow(theatre, monkeypatch)


async def test_negative_control_one_after_another_they_would_take_longer_than_the_right_lasts(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_after_another(self: Leases) -> None:
        for shard in sorted(self._in_doubt):
            await self._take_anew(shard)

    monkeypatch.setattr(Leases, "_take_back", one_after_another)
    assert not await has_the_right_again_though_each_take_is_slow(theatre, monkeypatch)


async def plays_again_after_giving_way_to_a_release_that_hangs(theatre: Theatre) -> bool:
    old = theatre.new_worker("old")
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    new = theatre.new_worker("new", revision=2)
    await theatre.clock.advance(3 * theatre.settings.heartbeat_seconds)
    assert new.player(GUILD).sounds
    new.players.standing_still = 60.0  # what it sends with hangs, so that it beats no more
    await theatre.clock.advance(2 * theatre.settings.lease_seconds)
    return old.player(GUILD).sounds


async def test_a_worker_that_gave_way_goes_on_when_the_newer_release_hangs(theatre: Theatre) -> None:
    assert await plays_again_after_giving_way_to_a_release_that_hangs(theatre)


async def test_negative_control_did_it_not_stay_nobody_would_play(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leases, "stay", lambda self: None)
    assert not await plays_again_after_giving_way_to_a_release_that_hangs(theatre)


async def test_what_a_dead_worker_left_is_taken_by_one_that_has_its_share_already(theatre: Theatre) -> None:
    one, two, newcomer = (theatre.new_worker(name, start=False).leases for name in ("one", "two", "three"))
    for leases in (one, two):
        await leases.beat()
    for leases in (one, two):
        await leases.look()
    while two.surplus() < 0:
        await one.release(next(iter(one.held)), to=two.me, session=None)
        await two.look()
    left = set(two.held)
    await one.look()
    await theatre.clock.advance(theatre.settings.lease_seconds)
    for leases in (newcomer, one):
        await leases.beat()
    for leases in (newcomer, one):
        await leases.look()
    assert left <= set(one.held), "a newcomer cannot know yet that the owner is dead"


async def test_the_place_of_a_track_is_remembered_though_its_worker_woke_and_tells_of_it_no_more(
    theatre: Theatre,
) -> None:
    worker = theatre.new_worker("one", start=False)
    for counter, positions in enumerate(({PlayId("p"): 61_000}, {})):
        await theatre.leases.beat(Heartbeat(WorkerId("other"), counter, 0.0, positions=positions))
        await worker.leases.look()
    assert worker.leases.last_position(PlayId("p"), rate=0.0) == 61_000


async def test_a_worker_that_drains_while_the_store_is_away_plays_on_until_it_can_hand_over(theatre: Theatre) -> None:
    first = theatre.new_worker("one")
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    first.player(GUILD).reach(61_000)
    theatre.guilds.faults.outage = theatre.leases.faults.outage = True
    first.stop.set()
    await theatre.clock.advance(20)
    assert first.player(GUILD).sounds
    theatre.guilds.faults.outage = theatre.leases.faults.outage = False
    await theatre.clock.advance(10)
    assert not first.player(GUILD).sounds
    assert not first.leases.held
    assert (await theatre.guilds.open(GUILD).state()).position_ms == 61_000
