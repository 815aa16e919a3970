"""What the simulator taught: histories in which a fault once left a guild waiting, or a shard with two owners."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.guild import GUILD, OTHER_GUILD, SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import InteractionId, ShardId
from timmybot.domain.lease import Heartbeat, ShardLease
from timmybot.ports.guild_store import StoreUnavailable


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


async def test_a_worker_that_begins_while_another_looks_around_keeps_what_it_takes(theatre: Theatre) -> None:
    """The other has read the heartbeats, in which the new one is not yet, and now reads an owner it has never seen."""
    first, second = theatre.new_worker("one", start=False), theatre.new_worker("two", start=False)
    leases = theatre.leases.leases

    async def begin_meanwhile() -> list[ShardLease]:
        theatre.leases.leases = leases  # type: ignore[method-assign]  # once
        await second.worker.beat()
        return await leases()

    theatre.leases.leases = begin_meanwhile  # type: ignore[method-assign]  # the moment between the two readings
    await first.worker.beat()
    kept = {lease.shard_id for lease in await leases() if lease.owner == second.leases.me}
    assert kept == set(second.leases.held) != set()


async def test_after_a_crash_the_place_is_taken_from_the_middle_between_two_beats(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).reach(42_000)
    await theatre.clock.advance(theatre.settings.heartbeat_seconds)
    await worker.killed()
    second = theatre.new_worker("two")
    await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
    assert second.player(GUILD).told[-1] == "play First *song* from 43125"


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
