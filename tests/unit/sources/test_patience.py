"""When an empty buffer is given up."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.patience import COMING_BYTES, MOST_ANSWERS, Patience

STALL, REACH = 15.0, 120.0


def given_up_after(arrivals: dict[int, int], seconds: int = 1_000) -> int | None:
    """After how many seconds an empty buffer is given up; ``None`` for never. ``arrivals``: in which second how many
    bytes come."""
    now = [0.0]
    patience = Patience(STALL, REACH, lambda: now[0])
    received = 0
    for second in range(seconds):
        now[0] = float(second)
        received += arrivals.get(second, 0)
        if patience.over(received) is not None:
            return second
    return None


def test_a_server_that_needs_seven_seconds_for_each_answer_is_waited_for() -> None:
    """Its head, its end and the place: each a request, of which 32 KiB are read before the next."""
    assert given_up_after({7: 32_768, 14: 32_768, 21: 32_768}, seconds=30) is None


def test_negative_control_the_same_bytes_without_a_pause_are_no_answers() -> None:
    trickle = {second: 3 * 32_768 // 21 for second in range(1, 22)}
    assert sum(trickle.values()) < COMING_BYTES
    first_counts = given_up_after(trickle, seconds=30)
    assert first_counts is not None
    assert first_counts <= STALL + MOST_ANSWERS + 1


def test_a_server_that_sends_nothing_is_given_up_soon() -> None:
    assert given_up_after({}) == STALL + 1


@pytest.mark.parametrize("every", [2, 7, 14])
def test_a_byte_now_and_then_does_not_keep_a_silent_player(every: int) -> None:
    over = given_up_after(dict.fromkeys(range(every, 1_000, every), 1))

    assert over is not None
    assert over <= min(MOST_ANSWERS * every + STALL, REACH) + 1


def test_a_buffer_that_was_filled_meanwhile_is_waited_for_as_long_again() -> None:
    now = [0.0]
    patience = Patience(STALL, REACH, lambda: now[0])
    received = 0
    for _ in range(10 * MOST_ANSWERS):
        assert patience.over(received) is None
        now[0] += 7.0
        received += 100
        assert patience.over(received) is None
        patience.empty_since = None  # there is something to hear
