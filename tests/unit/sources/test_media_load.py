"""How much encoding may cost: less when frames are waited for, full complexity again when they are not."""

from __future__ import annotations

from timmybot.adapters.sources.media_load import CALM_SECONDS, COMPLEXITIES, SETTLE_SECONDS, Load

SLOW, QUICK = 0.015, 0.0005


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


def noted(load: Load, clock: Clock, seconds_a_frame: float, *, seconds: float) -> list[int]:
    """The complexities while frames are waited for so long."""
    found = []
    for _ in range(int(seconds * 10)):
        clock.seconds += 0.1
        load.note(seconds_a_frame)
        found.append(load.complexity)
    return found


def test_full_complexity_holds_while_frames_come_quickly() -> None:
    clock = Clock()
    load = Load(clock.monotonic)

    assert set(noted(load, clock, QUICK, seconds=600)) == {COMPLEXITIES[0]}


def test_one_slow_frame_changes_nothing() -> None:
    clock = Clock()
    load = Load(clock.monotonic)
    noted(load, clock, QUICK, seconds=10)

    load.note(1.0)

    assert set(noted(load, clock, QUICK, seconds=10)) == {COMPLEXITIES[0]}


def test_under_load_complexity_falls_a_step_at_a_time_and_comes_back_when_that_is_over() -> None:
    clock = Clock()
    load = Load(clock.monotonic)

    falling = noted(load, clock, SLOW, seconds=5 * SETTLE_SECONDS)
    assert sorted(set(falling), reverse=True) == list(COMPLEXITIES)
    assert falling == sorted(falling, reverse=True)

    rising = noted(load, clock, QUICK, seconds=4 * (CALM_SECONDS + SETTLE_SECONDS))
    assert rising == sorted(rising)
    assert rising[-1] == COMPLEXITIES[0]


def test_what_turned_out_too_much_is_tried_ever_less_often() -> None:
    clock = Clock()
    load = Load(clock.monotonic)
    complexities = []
    for _ in range(20_000):
        clock.seconds += 0.1
        load.note(SLOW if load.complexity == COMPLEXITIES[0] else QUICK)
        complexities.append(load.complexity)

    full = sum(each == COMPLEXITIES[0] for each in complexities[10_000:])
    assert full < 500, "it swings"
