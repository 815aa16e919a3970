"""Who lives, who may take a shard, and how many."""

from __future__ import annotations

import pytest

from timmybot.domain.ids import Epoch, GuildId, ShardId, WorkerId, shard_of
from timmybot.domain.lease import GatewaySession, Heartbeat, Observer, ShardLease, claimable, fair_share

ANNA, BELA, CARO = WorkerId("anna"), WorkerId("bela"), WorkerId("caro")
SHARD = ShardId(3)


def beat(worker: WorkerId, counter: int, renewed_at: float = 0.0) -> Heartbeat:
    return Heartbeat(worker, counter=counter, renewed_at=renewed_at)


def test_a_worker_lives_as_long_as_its_counter_changes_within_the_lease() -> None:
    observer = Observer(lease_seconds=8.0)
    assert not observer.is_alive(ANNA, 0.0), "one never seen is not alive"
    observer.see([beat(ANNA, 1)], 0.0)
    assert observer.is_alive(ANNA, 7.9)
    observer.see([beat(ANNA, 2)], 7.0)
    assert observer.is_alive(ANNA, 14.9)
    observer.see([beat(ANNA, 2)], 14.0)
    assert not observer.is_alive(ANNA, 15.0), "seeing the same counter again proves nothing"


def test_a_heartbeat_from_the_future_keeps_nobody_alive() -> None:
    """Wall clocks are never compared: ``renewed_at`` may say what it likes."""
    observer = Observer(lease_seconds=8.0)
    observer.see([beat(ANNA, 1, renewed_at=9e9)], 0.0)
    assert not observer.is_alive(ANNA, 8.0)


def test_a_worker_that_was_taken_for_dead_is_alive_again_when_its_counter_moves() -> None:
    observer = Observer(lease_seconds=8.0)
    observer.see([beat(ANNA, 5)], 0.0)
    assert not observer.is_alive(ANNA, 20.0)
    observer.see([beat(ANNA, 1)], 20.0)
    assert observer.is_alive(ANNA, 20.0), "a restart under the same name counts from one"


@pytest.mark.parametrize(
    ("owner", "next_owner", "alive", "may"),
    [
        (None, None, {ANNA}, True),
        (ANNA, None, {ANNA}, False),
        (BELA, None, {ANNA, BELA}, False),
        (BELA, None, {ANNA}, True),
        (None, BELA, {ANNA, BELA}, False),
        (None, BELA, {ANNA}, True),
        (None, ANNA, {ANNA, BELA}, True),
        (BELA, ANNA, {ANNA, BELA}, False),
        (BELA, CARO, {ANNA, CARO}, False),
        (BELA, CARO, {ANNA}, True),
    ],
    ids=[
        "nobody's",
        "already mine",
        "a living owner's",
        "a dead owner's",
        "expected by one who lives",
        "expected by one who died",
        "handed to me",
        "promised to me but still held",
        "of the dead, promised to one who lives",
        "of the dead, promised to the dead",
    ],
)
def test_who_may_try_to_take_a_shard(
    owner: WorkerId | None, next_owner: WorkerId | None, alive: set[WorkerId], may: bool
) -> None:
    lease = ShardLease(SHARD, owner=owner, epoch=Epoch(1), next_owner=next_owner)
    assert claimable(lease, ANNA, frozenset(alive)) is may


@pytest.mark.parametrize("shards", [1, 5, 16, 17])
@pytest.mark.parametrize("workers", [1, 2, 3, 5, 20])
def test_fair_shares_cover_every_shard_and_no_worker_need_take_two_more_than_another(shards: int, workers: int) -> None:
    share = fair_share(shards, workers)
    assert share * workers >= shards
    assert (share - 1) * workers < shards, "one less would leave shards that nobody may take"


def test_a_lone_observer_that_sees_nobody_may_take_all() -> None:
    assert fair_share(16, 0) == 16


def test_a_gateway_session_keeps_its_id_out_of_every_repr() -> None:
    assert "hush" not in repr(GatewaySession("hush", "wss://gateway.example", 1))


def test_a_guilds_shard_is_the_one_that_discord_sends_its_events_to() -> None:
    assert shard_of(GuildId(613425648685547541), 16) == (613425648685547541 >> 22) % 16
    assert shard_of(GuildId(4_194_304), 16) == 1
    assert shard_of(GuildId(4_194_303), 16) == 0
