"""What the simulator taught: histories in which a fault once left a guild waiting, or a shard with two owners."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.guild import GUILD, SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import InteractionId, ShardId
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
