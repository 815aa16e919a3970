"""The largest number that holds is found with few tries."""

from __future__ import annotations

import pytest

from sandbox.bench.search import confirmed, largest


class Limit:
    """Holds up to ``limit``, and counts what was tried."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.tried: list[int] = []

    async def __call__(self, number: int) -> bool:
        self.tried.append(number)
        return number <= self._limit


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 149, 200, 640])
@pytest.mark.parametrize("start", [1, 24, 160])
async def test_it_is_found_to_within_a_twentieth(limit: int, start: int) -> None:
    holds = Limit(limit)
    found = await largest(holds, start=start, most=900)
    assert limit - max(1, 0.05 * limit) <= found <= limit
    assert len(holds.tried) <= 16


async def test_nothing_holds() -> None:
    assert await largest(Limit(0), start=100, most=900) == 0


async def test_everything_holds_up_to_the_most_that_is_tried() -> None:
    assert await largest(Limit(10_000), start=100, most=900) == 900


async def test_a_lucky_find_is_taken_back_until_the_median_holds() -> None:
    assert 180 <= await confirmed(Limit(200), 230) <= 200
    assert await confirmed(Limit(0), 5) == 0


@pytest.mark.parametrize("limit", [1, 40, 133, 391, 860])
async def test_what_is_far_from_holding_is_left_in_a_few_tries(limit: int) -> None:
    holds = Limit(limit)
    assert limit - max(1, 0.06 * limit + 1) <= await confirmed(holds, 885) <= limit
    assert len(holds.tried) <= 13


async def test_what_holds_at_once_is_asked_once() -> None:
    holds = Limit(200)
    assert await confirmed(holds, 160) == 160
    assert holds.tried == [160]
