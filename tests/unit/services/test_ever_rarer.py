"""Moving a shard for one guild that is not heard silences all others of it for a second: not again and again."""

from __future__ import annotations

from tests.fakes.clock import FakeClock
from timmybot.services.ever_rarer import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, EverRarer


async def times_within(seconds: int) -> int:
    clock = FakeClock()
    giving_away = EverRarer(clock)
    times = 0
    for _ in range(seconds):
        times += giving_away.is_time("shard")
        await clock.advance(1)
    return times


async def test_what_is_done_at_once_is_done_ever_more_rarely() -> None:
    assert await times_within(1) == 1
    assert await times_within(int(FIRST_PAUSE_SECONDS) + 1) == 2
    assert await times_within(600) == 6


async def test_after_an_hour_it_begins_anew() -> None:
    clock = FakeClock()
    giving_away = EverRarer(clock)
    for _ in range(4):
        assert giving_away.is_time("shard")
        await clock.advance(LONGEST_PAUSE_SECONDS + 1)
    giving_away.is_time("shard")
    await clock.advance(FIRST_PAUSE_SECONDS)
    assert giving_away.is_time("shard")


def test_each_has_pauses_of_its_own() -> None:
    giving_away = EverRarer(FakeClock())
    assert giving_away.is_time("one")
    assert giving_away.is_time("other")
    assert not giving_away.is_time("one")


async def test_what_could_not_be_begun_is_tried_again_at_once_and_makes_no_pause_longer() -> None:
    clock = FakeClock()
    giving_away = EverRarer(clock)
    for pause in (FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS):
        assert giving_away.is_time("shard")
        for _ in range(3):
            giving_away.came_to_nothing("shard")
            assert giving_away.is_time("shard")
        await clock.advance(pause - 1)
        assert not giving_away.is_time("shard")
        await clock.advance(1)
