"""What a listener can tell of a fault, on sound that is made up."""

from __future__ import annotations

from sandbox.chaos.listening import interruption
from sandbox.discord import Window
from sandbox.melody import Melody, compose

MELODY = compose("a song", voice=0, seconds=50.0)


def windows(melody: Melody, *, at: float, begin: float, seconds: float, stream: int = 1) -> list[Window]:
    """``seconds`` of the song from ``begin`` on, heard from ``at`` on."""
    places = [step / 10 for step in range(round(seconds * 10))]
    return [
        Window(at + place, melody.hz_at(begin + place + 0.05), level=0.2, media=place, stream=stream)
        for place in places
    ]


def test_a_song_that_goes_on_has_no_gap() -> None:
    found = interruption(windows(MELODY, at=100.0, begin=0.0, seconds=8.0), MELODY, since=104.0)
    assert found is not None
    assert found.gap_seconds == 0.0


def test_a_gap_and_a_jump_are_measured() -> None:
    heard = [
        *windows(MELODY, at=100.0, begin=0.0, seconds=5.0),
        *windows(MELODY, at=111.0, begin=4.0, seconds=5.0, stream=2),
    ]
    found = interruption(heard, MELODY, since=104.0)
    assert found is not None
    assert abs(found.gap_seconds - 6.0) < 0.15
    assert abs(found.jump_seconds + 1.0) < 0.3


def test_a_moment_of_sound_within_the_silence_does_not_say_where_the_song_is() -> None:
    heard = [
        *windows(MELODY, at=100.0, begin=0.0, seconds=5.0),
        *windows(MELODY, at=108.0, begin=5.0, seconds=0.3, stream=2),
        *windows(MELODY, at=108.4, begin=5.4, seconds=5.0, stream=3),
    ]
    found = interruption(heard, MELODY, since=104.0)
    assert found is not None
    assert abs(found.jump_seconds) < 0.3


def test_a_song_that_never_comes_back_is_no_recovery() -> None:
    """Negative control: another song in its place does not count."""
    other = compose("another song", voice=2, seconds=50.0)
    heard = [
        *windows(MELODY, at=100.0, begin=0.0, seconds=5.0),
        *windows(other, at=108.0, begin=0.0, seconds=5.0, stream=2),
    ]
    assert interruption(heard, MELODY, since=104.0) is None
    assert interruption(heard[:50], MELODY, since=106.0) is None
