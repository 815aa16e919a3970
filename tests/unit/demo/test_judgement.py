"""The demo's judgement objects to what is wrong, and to nothing else."""

from __future__ import annotations

import pytest

from sandbox.demo.judgement import ExpectedQueue, Song, explained, hears_its_own, punctuality, recovery
from sandbox.discord import Packet, Window
from sandbox.melody import Melody, compose

OWN, OTHER = compose("own", voice=0, seconds=180.0), compose("other", voice=1, seconds=180.0)


def heard(melody: Melody, *, start: float, seconds: float, at: float = 0.0, stream: int = 1) -> list[Window]:
    """What a listener takes down of a melody: 100 ms windows."""
    count = round(seconds * 10)
    return [
        Window(at + step / 10, melody.hz_at(start + step / 10 + 0.05), 0.2, step / 10, stream) for step in range(count)
    ]


def test_its_own_melody_is_accepted() -> None:
    assert hears_its_own(heard(OWN, start=20.0, seconds=6.0), OWN, [OTHER], seconds=6.0).ok


@pytest.mark.parametrize(
    "wrong",
    [
        heard(OTHER, start=0.0, seconds=6.0),
        heard(OWN, start=0.0, seconds=5.0) + heard(OTHER, start=5.0, seconds=1.0, at=5.0),
        heard(OWN, start=0.0, seconds=2.0),
        [],
    ],
    ids=["another guild's", "another guild's mixed in", "too little", "nothing"],
)
def test_anything_else_is_objected_to(wrong: list[Window]) -> None:
    assert not hears_its_own(wrong, OWN, [OTHER], seconds=6.0).ok


def test_a_queue_that_shows_another_guilds_song_is_not_explained() -> None:
    expected = ExpectedQueue([Song(OWN, "")])
    assert explained("Now: **own** (3:00)", expected).ok
    assert not explained("Now: **own** (3:00)\n1. **other** (3:00)", expected).ok
    assert not explained("Now: **other** (3:00)", expected).ok


@pytest.mark.parametrize(("went_on_at", "jump"), [(59.2, -0.8), (60.0, 0.0), (0.0, -60.0), (120.0, 60.0)])
def test_a_recovery_tells_the_gap_and_the_jump(went_on_at: float, jump: float) -> None:
    before = heard(OWN, start=50.0, seconds=10.0)
    found = recovery(before, heard(OWN, start=went_on_at, seconds=4.0, at=18.0, stream=2), OWN)
    assert found
    assert found.gap_seconds == pytest.approx(8.0, abs=0.2)
    assert found.jump_seconds == pytest.approx(jump, abs=0.2)


def test_a_scrap_of_sound_after_the_gap_does_not_say_where_the_song_went_on() -> None:
    before = heard(OWN, start=50.0, seconds=10.0)
    scrap = heard(OWN, start=59.6, seconds=0.3, at=17.0, stream=2)
    found = recovery(before, [*scrap, *heard(OWN, start=60.0, seconds=4.0, at=18.0, stream=3)], OWN)
    assert found
    assert found.jump_seconds == pytest.approx(0.0, abs=0.2)


def test_a_song_that_did_not_go_on_has_no_recovery() -> None:
    assert recovery(heard(OWN, start=0.0, seconds=5.0), heard(OTHER, start=5.0, seconds=5.0), OWN) is None


def packet(number: int, *, late: float = 0.0) -> Packet:
    return Packet(number * 0.02 + late, 1, number, number * 960, b"opus")


def test_late_and_lost_packets_are_counted() -> None:
    packets = [packet(number, late=0.03 if number == 50 else 0.0) for number in range(100) if number not in {10, 11}]
    kept = punctuality(packets)
    assert (kept.packets, kept.late, kept.lost) == (98, 1, 2)
