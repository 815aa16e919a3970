"""What an identify budget promises."""

from __future__ import annotations

import asyncio

from tests.contract.stored import Kept
from timmybot.domain.ids import ShardId


async def test_one_worker_may_identify_every_five_seconds_and_the_others_are_told_how_long_to_wait(kept: Kept) -> None:
    budget, now = kept.stores.identify_budget, kept.clock.now()
    assert await budget.reserve(ShardId(0), now) == 0.0
    assert await budget.reserve(ShardId(1), now) == 5.0
    assert await budget.reserve(ShardId(0), now + 3) == 2.0
    assert await budget.reserve(ShardId(2), now + 5) == 0.0
    assert await budget.reserve(ShardId(1), now + 5) == 5.0


async def test_of_many_who_ask_at_one_moment_one_may(kept: Kept) -> None:
    budget, now = kept.stores.identify_budget, kept.clock.now()
    waits = await asyncio.gather(*(budget.reserve(ShardId(number), now) for number in range(8)))
    assert sorted(waits) == [0.0] + [5.0] * 7


async def test_a_reservation_made_under_a_broken_clock_does_not_block_for_ever(kept: Kept) -> None:
    budget, now = kept.stores.identify_budget, kept.clock.now()
    await budget.reserve(ShardId(0), now + 1_000_000)
    assert await budget.reserve(ShardId(0), now) == 0.0


async def test_a_worker_whose_clock_is_behind_does_not_wait_for_as_long_as_it_is_behind(kept: Kept) -> None:
    budget, now = kept.stores.identify_budget, kept.clock.now()
    await budget.reserve(ShardId(0), now)
    assert await budget.reserve(ShardId(1), now - 3) == 5.0
    assert await budget.reserve(ShardId(1), now - 30) == 0.0


async def test_each_of_discords_buckets_has_a_budget_of_its_own(kept: Kept) -> None:
    budget, now = kept.stores.identify_budget, kept.clock.now()
    waits = [await budget.reserve(ShardId(number), now, max_concurrency=4) for number in range(8)]
    assert waits == [0.0] * 4 + [5.0] * 4
    assert await budget.reserve(ShardId(6), now + 5, max_concurrency=4) == 0.0
    assert await budget.reserve(ShardId(2), now + 6, max_concurrency=4) == 4.0
