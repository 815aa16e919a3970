"""Where packets stand in what is heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

import pytest

from timmybot.adapters.sources.packets import SILENCE
from timmybot.adapters.sources.row import LONGEST_HOLE_MS, RUN_FRAMES, Placed, Row, Timed

FRAME = b"\xfc the sound of 20 ms"
THREE_FRAMES = b"\xff\x03 the sound of 60 ms"
FRAME_MS = 20


def frames(number: int, *, from_ms: int = 0) -> list[Timed]:
    return [(from_ms + FRAME_MS * each, FRAME) for each in range(number)]


def row(*, fills_holes: bool = True) -> Row:
    """Of a file whose times are in milliseconds."""
    return Row(0.0, 0, 1.0, fills_holes=fills_holes)


def placed(row: Row, *runs: Sequence[Timed]) -> list[Placed]:
    return [piece for run in runs for out in row.placed(run) for piece in out]


def in_runs(pieces: Sequence[Timed], length: int) -> Iterator[Sequence[Timed]]:
    return (pieces[begin : begin + length] for begin in range(0, len(pieces), length))


@pytest.mark.parametrize("length", [1, 7, 300], ids="in runs of {}".format)
class TestInRunsOfAnyLength:
    def test_packets_without_a_hole_keep_their_times(self, length: int) -> None:
        assert placed(row(), *in_runs(frames(300), length)) == frames(300)

    def test_a_hole_is_filled_with_silence(self, length: int) -> None:
        with_hole = frames(100) + frames(100, from_ms=3_000)

        heard = placed(row(), *in_runs(with_hole, length))

        assert [place for place, _ in heard] == list(range(0, 5_000, FRAME_MS))
        assert [data for _, data in heard] == [FRAME] * 100 + [SILENCE] * 50 + [FRAME] * 100

    def test_what_is_live_does_not_wait_for_what_is_missing(self, length: int) -> None:
        """The negative control."""
        with_hole = frames(100) + frames(100, from_ms=3_000)
        assert placed(row(fills_holes=False), *in_runs(with_hole, length)) == frames(200)

    def test_a_clock_that_begins_anew_goes_on_in_ours(self, length: int) -> None:
        songs = frames(100, from_ms=0) + frames(150, from_ms=0)
        assert placed(row(), *in_runs(songs, length)) == frames(250)

    def test_packets_of_other_lengths_are_counted_by_these(self, length: int) -> None:
        mixed = [*frames(10), (200, THREE_FRAMES), (260, FRAME)]
        assert placed(row(), *in_runs(mixed, length)) == mixed

    def test_a_clock_that_runs_a_little_fast_is_no_hole(self, length: int) -> None:
        """Over minutes it is off by more than a hole is long: a card that recorded at 48,010 Hz, or a jittery one."""
        fast = [(round(20.004 * number) + number % 7, FRAME) for number in range(30_000)]
        assert SILENCE not in {data for _, data in placed(row(), *in_runs(fast, length))}


def test_the_first_packet_stands_on_a_frame_whatever_pre_skip_its_file_has() -> None:
    begun = Row(-6.5, -312, 1_000 / 48_000, fills_holes=True)
    assert placed(begun, [(-312 + 960 * number, FRAME) for number in range(5)]) == frames(5)


def test_times_that_are_counted_from_elsewhere_are_no_jump() -> None:
    moved = row()
    before = placed(moved, frames(10))
    moved.shift(7_000)
    assert before + placed(moved, frames(10, from_ms=7_200)) == frames(20)


def test_a_hole_of_any_length_costs_no_more_than_a_run_at_a_time_and_has_an_end() -> None:
    longest = int(LONGEST_HOLE_MS)
    runs = list(row().placed([(longest, FRAME)]))
    assert max(map(len, runs)) == RUN_FRAMES
    assert sum(map(len, runs)) == longest // FRAME_MS + 1

    assert placed(row(), [(longest + FRAME_MS, FRAME)]) == [(0, FRAME)]
    assert placed(row(), [(10**15, FRAME)]) == [(0, FRAME)]


def test_a_file_of_nothing_but_holes_is_silence_a_run_at_a_time() -> None:
    one = row()
    holes = (run for number in count() for run in one.placed([(number * 9_000, FRAME)]))
    heard = [piece for run in islice(holes, 1_000) for piece in run]
    assert [place for place, _ in heard] == list(range(0, len(heard) * FRAME_MS, FRAME_MS))
