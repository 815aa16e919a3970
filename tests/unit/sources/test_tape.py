"""The last seconds of packets, in runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from timmybot.adapters.sources import tape
from timmybot.adapters.sources.tape import PREROLL_MS, Tape
from timmybot.ports.track_source import TrackError

Piece = tuple[float, bytes]


def packets(count: int, *, from_ms: float = 0.0) -> list[Piece]:
    return [(from_ms + 20.0 * number, str(number).encode()) for number in range(count)]


def in_runs(pieces: Sequence[Piece], length: int) -> Iterator[Sequence[Piece]]:
    return iter([pieces[begin : begin + length] for begin in range(0, len(pieces), length)])


@pytest.mark.parametrize("length", [1, 7, 100])
def test_packets_come_in_order_whatever_runs_they_came_in(length: int) -> None:
    all_of_them = packets(300)
    assert list(Tape(in_runs(all_of_them, length), 5_000, len).pieces(0)) == all_of_them


@pytest.mark.parametrize("length", [1, 7, 100])
def test_what_was_read_can_be_gone_back_to_with_what_decoding_takes(length: int) -> None:
    all_of_them = packets(300)
    one = Tape(in_runs(all_of_them, length), 5_000, len)
    for (time_ms, _), _ in zip(one.pieces(0), range(200), strict=False):
        newest_ms = time_ms
    place_ms = newest_ms - 3_000

    assert one.begins_ms <= place_ms
    assert list(one.pieces(place_ms)) == [piece for piece in all_of_them if piece[0] >= place_ms - PREROLL_MS]


@pytest.mark.parametrize("length", [1, 7])
@pytest.mark.parametrize("read", [0, 3, 30])
def test_decoding_begins_with_the_packet_in_which_the_place_lies_however_long_it_is(length: int, read: int) -> None:
    all_of_them = [(1_000.0 * number, str(number).encode()) for number in range(30)]
    one = Tape(in_runs(all_of_them, length), 30_000, len)
    for _ in zip(one.pieces(0), range(read), strict=False):
        pass

    assert list(one.pieces(5_900)) == all_of_them[5:]
    assert list(one.pieces(5_300)) == all_of_them[5:]
    assert list(one.pieces(29_900)) == all_of_them[29:]


def test_what_is_older_than_wanted_is_let_go_a_run_at_a_time() -> None:
    one = Tape(in_runs(packets(1_000), 50), 2_000, len)
    for _ in one.pieces(0):
        pass
    assert one.begins_ms == pytest.approx(1_000 * 20 - 3_000 + PREROLL_MS)
    assert len(list(one.pieces(0))) == 150


def test_large_packets_are_bounded_by_their_bytes() -> None:
    large = [(20.0 * number, bytes(100_000)) for number in range(100)]
    one = Tape(in_runs(large, 1), 5_000, len)
    for _ in one.pieces(0):
        pass
    assert len(list(one.pieces(0))) == tape.MOST_BYTES // 100_000


def test_whoever_reads_on_after_a_failure_is_told_why() -> None:
    def failing() -> Iterator[Sequence[Piece]]:
        yield packets(2)
        raise TrackError("gone")

    one = Tape(failing(), 5_000, len)
    for _ in range(2):
        with pytest.raises(TrackError, match="gone"):
            list(one.pieces(0))
