"""What a file may cost without sound coming of it."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.allowance import EARNED_CPU_SECONDS, SILENT_BYTES, SILENT_CPU_SECONDS, Allowance
from timmybot.ports.track_source import TrackError

CHUNK = 32 * 1024
TOO_MUCH = pytest.raises(TrackError, match="holds too much besides its sound")


class Reading:
    """A file read from its beginning, computed over between two reads for as long as the test says."""

    def __init__(self) -> None:
        self.cpu = 0.0
        self.place = 0
        self.allowance = Allowance(lambda: self.cpu)

    def read(self, size: int = CHUNK, *, computing: float = 0.0) -> None:
        self.place += size
        self.allowance.spend(size, self.place)
        self.cpu += computing

    def skip(self, size: int) -> None:
        self.place += size


def test_a_file_of_sound_may_be_of_any_length() -> None:
    reading = Reading()
    for _ in range(10 * SILENT_BYTES // CHUNK):
        reading.read(computing=EARNED_CPU_SECONDS / 2)
        reading.allowance.earn()


def test_what_is_read_without_sound_is_bounded() -> None:
    reading = Reading()
    for _ in range(SILENT_BYTES // CHUNK):
        reading.read()
    with TOO_MUCH:
        reading.read()


def test_what_is_computed_without_sound_is_bounded_whether_it_is_read_on_or_sound_comes_at_last() -> None:
    for comes in (False, True):
        reading = Reading()
        reading.read(computing=SILENT_CPU_SECONDS / 2)
        reading.read(computing=SILENT_CPU_SECONDS / 2 + 0.01)
        with TOO_MUCH:
            reading.allowance.earn() if comes else reading.read()


def test_a_little_sound_does_not_pay_for_much_computing() -> None:
    reading = Reading()
    with TOO_MUCH:
        for _ in range(100):
            reading.read(computing=3 * EARNED_CPU_SECONDS)
            reading.allowance.earn()


def test_what_others_do_between_a_packet_and_the_next_read_is_not_the_files_cost() -> None:
    reading = Reading()
    for _ in range(100):
        reading.read()
        reading.allowance.earn()
        reading.cpu += 1.0  # the packet is decoded, encoded, handed on


def test_where_nothing_but_sound_stands_between_packets_little_may_be_read_in_a_row() -> None:
    reading = Reading()
    reading.allowance.in_a_row(4 * CHUNK)
    for _ in range(3):
        for _ in range(4):
            reading.read()
        reading.skip(1)  # elsewhere is another row
    reading.allowance.earn()
    for _ in range(4):
        reading.read()
    with TOO_MUCH:
        reading.read()
    reading.allowance.in_a_row(None)
    for _ in range(20):
        reading.read()
