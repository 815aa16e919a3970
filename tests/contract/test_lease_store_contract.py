"""What a lease store promises."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from tests.contract.stored import Kept
from timmybot.domain.ids import Epoch, PlayId, ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.ports.lease_store import LeaseLost, LeaseStore

SHARD = ShardId(3)
ANNA, BELA = WorkerId("anna"), WorkerId("bela")
SESSION = GatewaySession("session-1", "wss://gateway.example", 42)


async def lease_of(leases: LeaseStore, shard_id: ShardId) -> ShardLease:
    return next(lease for lease in await leases.leases() if lease.shard_id == shard_id)


async def test_a_heartbeat_is_written_over_the_last_one_and_forgotten_after_some_minutes(kept: Kept) -> None:
    leases, now = kept.stores.leases, kept.clock.now()
    first = Heartbeat(ANNA, counter=1, renewed_at=now)
    second = replace(first, counter=2, revision=7, draining=True, positions={PlayId("p"): 1500, PlayId("q"): 0})
    await leases.beat(first)
    await leases.beat(second)
    await leases.beat(replace(first, worker_id=BELA))
    assert await leases.heartbeats() == [second, replace(first, worker_id=BELA)]
    kept.clock.freeze(14 * 60)
    await leases.beat(second)
    kept.clock.freeze(2 * 60)
    assert await leases.heartbeats() == [second]


async def test_a_shard_is_taken_under_the_next_epoch_by_one_of_two(kept: Kept) -> None:
    leases = kept.stores.leases
    assert await leases.leases() == []
    outcomes = await asyncio.gather(
        leases.take(ShardLease(SHARD), ANNA), leases.take(ShardLease(SHARD), BELA), return_exceptions=True
    )
    taken = [outcome for outcome in outcomes if isinstance(outcome, ShardLease)]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, ShardLease)] == [LeaseLost]
    assert taken == await leases.leases()
    assert taken[0].epoch == 1


async def test_a_shard_of_the_dead_is_taken_over_with_its_session_and_the_dead_have_lost_it(kept: Kept) -> None:
    leases = kept.stores.leases
    held = await leases.take(ShardLease(SHARD), ANNA)
    await leases.save_session(held, SESSION)
    # What the successor saw may be older than the session that was saved last.
    taken = await leases.take(held, BELA)
    assert taken == ShardLease(SHARD, owner=BELA, epoch=Epoch(2), session=SESSION)
    with pytest.raises(LeaseLost):
        await leases.save_session(held, None)
    with pytest.raises(LeaseLost):
        await leases.release(held, next_owner=None, session=None)
    with pytest.raises(LeaseLost):
        await leases.take(held, ANNA)
    assert await leases.leases() == [taken]


async def test_a_shard_is_handed_over_with_its_session_and_the_epoch_goes_on_rising(kept: Kept) -> None:
    leases = kept.stores.leases
    held = await leases.take(ShardLease(SHARD), ANNA)
    await leases.release(held, next_owner=BELA, session=SESSION)
    released = await lease_of(leases, SHARD)
    assert released == ShardLease(SHARD, owner=None, epoch=Epoch(1), next_owner=BELA, session=SESSION)
    taken = await leases.take(released, BELA)
    assert taken == ShardLease(SHARD, owner=BELA, epoch=Epoch(2), session=SESSION)


async def test_a_shard_let_go_without_a_session_keeps_none_and_no_epoch_is_used_twice(kept: Kept) -> None:
    leases = kept.stores.leases
    epochs = []
    seen = ShardLease(SHARD)
    for _ in range(3):
        held = await leases.take(seen, ANNA)
        epochs.append(held.epoch)
        await leases.save_session(held, SESSION)
        await leases.save_session(held, None)
        await leases.release(held, next_owner=None, session=None)
        seen = await lease_of(leases, SHARD)
        assert seen.session is None
        assert seen.owner is None
    assert epochs == [1, 2, 3]


async def test_a_released_shard_is_lost_to_the_one_who_released_it(kept: Kept) -> None:
    leases = kept.stores.leases
    held = await leases.take(ShardLease(SHARD), ANNA)
    await leases.release(held, next_owner=None, session=None)
    with pytest.raises(LeaseLost):
        await leases.save_session(held, SESSION)
    with pytest.raises(LeaseLost):
        await leases.take(held, ANNA)


async def test_the_heartbeat_of_a_shards_owner_is_found(kept: Kept) -> None:
    leases = kept.stores.leases
    assert await leases.heartbeat_of_owner(SHARD) is None
    held = await leases.take(ShardLease(SHARD), ANNA)
    assert await leases.heartbeat_of_owner(SHARD) is None, "it never beat"
    beat = Heartbeat(ANNA, counter=1, renewed_at=kept.clock.now())
    await leases.beat(beat)
    assert await leases.heartbeat_of_owner(SHARD) == beat
    await leases.release(held, next_owner=BELA, session=None)
    assert await leases.heartbeat_of_owner(SHARD) is None


HOSTILE_HEARTBEATS: dict[str, dict[str, object]] = {
    "nothing in it": {},
    "a text for a number": {"schema": 1, "counter": "x", "expires_at": 9_000_000_000},
    "no time": {"schema": 1, "counter": 1, "expires_at": 9_000_000_000},
    "a schema that is none": {"schema": [2], "counter": 1, "renewed_at": 1, "expires_at": 9_000_000_000},
    "positions of 390 KB": {"schema": 1, "renewed_at": 1, "expires_at": 9_000_000_000, "positions": "x" * 390_000},
}


@pytest.mark.parametrize("hostile", HOSTILE_HEARTBEATS.values(), ids=HOSTILE_HEARTBEATS)
async def test_a_heartbeat_that_cannot_be_understood_is_set_aside(
    kept_outside: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    assert kept_outside.backdoor
    leases = kept_outside.stores.leases
    beat = Heartbeat(ANNA, counter=1, renewed_at=kept_outside.clock.now())
    await leases.beat(beat)
    kept_outside.backdoor.heartbeat("hostile", hostile)
    with caplog.at_level(logging.WARNING):
        assert await leases.heartbeats() == [beat]
    assert len(caplog.records) == 1


async def test_a_worker_of_a_newer_release_is_seen_to_live_and_to_own(
    kept_outside: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """Or the older one, which is being replaced, takes its shards from it."""
    assert kept_outside.backdoor
    leases, now = kept_outside.stores.leases, kept_outside.clock.now()
    newer: dict[str, object] = {"schema": 2, "load": {"players": 3}}
    beat = {"counter": 5, "renewed_at": now, "revision": 8, "positions": {"p": 7}, "expires_at": int(now) + 60}
    kept_outside.backdoor.heartbeat("anna", newer | beat)
    kept_outside.backdoor.lease(SHARD, newer | {"owner": "anna", "epoch": 6, "next_owner": "bela"})
    told = Heartbeat(ANNA, counter=5, renewed_at=now, revision=8, positions={PlayId("p"): 7})
    with caplog.at_level(logging.WARNING):
        assert await leases.heartbeats() == [told]
        assert await leases.leases() == [ShardLease(SHARD, owner=ANNA, epoch=Epoch(6), next_owner=BELA)]
        assert await leases.heartbeat_of_owner(SHARD) == told
    assert not caplog.records


HOSTILE_LEASES: dict[str, dict[str, object]] = {
    "an owner without end": {"schema": 1, "owner": "x" * 1000, "epoch": 6},
    "a schema of the past": {"schema": 0, "owner": "bela", "epoch": 6},
    "a number for an owner": {"schema": 1, "owner": 5, "epoch": 6},
    "a session that is none": {"schema": 1, "epoch": 6, "session_id": "s", "sequence": "last"},
}


@pytest.mark.parametrize("hostile", HOSTILE_LEASES.values(), ids=HOSTILE_LEASES)
async def test_a_lease_that_cannot_be_understood_can_be_taken_and_its_epoch_goes_on(
    kept_outside: Kept, hostile: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    assert kept_outside.backdoor
    leases = kept_outside.stores.leases
    kept_outside.backdoor.lease(SHARD, hostile)
    with caplog.at_level(logging.WARNING):
        seen = await lease_of(leases, SHARD)
    assert len(caplog.records) == 1
    taken = await leases.take(seen, ANNA)
    assert (taken.owner, taken.epoch, taken.session) == (ANNA, 7, None)
    await leases.save_session(taken, SESSION)
    assert await leases.leases() == [ShardLease(SHARD, owner=ANNA, epoch=Epoch(7), session=SESSION)]


async def test_a_lease_with_nothing_in_it_can_be_taken(kept_outside: Kept) -> None:
    assert kept_outside.backdoor
    kept_outside.backdoor.lease(SHARD, {})
    taken = await kept_outside.stores.leases.take(await lease_of(kept_outside.stores.leases, SHARD), ANNA)
    assert taken == ShardLease(SHARD, owner=ANNA, epoch=Epoch(1))
