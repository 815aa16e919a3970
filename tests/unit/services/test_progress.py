"""A worker whose music hangs loses its shards, although its event loop goes on beating."""

from __future__ import annotations

from tests.fakes.guild import GUILD, SONG
from tests.fakes.workers import FakeWorker, Theatre


async def played_by_one_with_another_beside(theatre: Theatre, *, probed: bool) -> tuple[FakeWorker, FakeWorker]:
    worker = theatre.new_worker("one", probed=probed)
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    other = theatre.new_worker("two")
    await theatre.clock.advance(5)
    assert worker.player(GUILD).sounds
    return worker, other


async def test_a_worker_whose_pacing_thread_hangs_loses_its_shards_and_its_guild_is_played_by_another(
    theatre: Theatre,
) -> None:
    worker, other = await played_by_one_with_another_beside(theatre, probed=True)
    worker.players.standing_still = 60.0
    await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
    assert not worker.leases.held
    assert not worker.leases.may_act
    assert other.player(GUILD).sounds
    await theatre.clock.advance(60)
    assert not worker.leases.held, "it takes nothing as long as it hangs"


async def test_negative_control_a_heartbeat_that_follows_nothing_keeps_the_shards_of_a_worker_that_hangs(
    theatre: Theatre,
) -> None:
    worker, other = await played_by_one_with_another_beside(theatre, probed=False)
    worker.players.standing_still = 60.0
    await theatre.clock.advance(60)
    assert worker.leases.held
    assert not other.player(GUILD).sounds


async def test_a_worker_that_gets_on_again_takes_its_share_again(theatre: Theatre) -> None:
    worker, other = await played_by_one_with_another_beside(theatre, probed=True)
    worker.players.standing_still = 60.0
    await theatre.clock.advance(20)
    worker.players.standing_still = 0.0
    await theatre.clock.advance(20)
    assert len(worker.leases.held) == theatre.settings.shard_count // 2
    assert other.player(GUILD).sounds


async def test_a_whole_process_that_stood_still_renews_at_once(theatre: Theatre) -> None:
    """Then the thread stood still, too, and may not have gone round yet when the loop beats."""
    worker = theatre.new_worker("one", start=False)
    await worker.worker.beat()
    theatre.clock.freeze(theatre.settings.heartbeat_seconds + theatre.settings.lease_margin_seconds + 1)
    worker.players.standing_still = theatre.settings.lease_margin_seconds + 1
    await worker.worker.beat()
    assert worker.leases.may_act


async def test_a_worker_whose_event_loop_hangs_loses_its_shards(theatre: Theatre) -> None:
    worker, other = theatre.new_worker("one", start=False), theatre.new_worker("two", start=False)
    await worker.worker.beat()
    assert worker.leases.held
    # Nothing of the first runs any more: the heartbeat is of the loop, and no thread beats for it.
    for _ in range(5):
        await other.worker.beat()
        theatre.clock.freeze(theatre.settings.heartbeat_seconds)
    assert len(other.leases.held) == theatre.settings.shard_count
