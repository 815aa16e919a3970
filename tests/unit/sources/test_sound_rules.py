"""What a wish for sound means: amplitude, rate, and when a track is left as it is."""

from __future__ import annotations

import pytest

from timmybot.domain.sound import (
    AS_IT_IS,
    LARGEST_BOOST_DB,
    SMALL_CORRECTION_DB,
    Effect,
    Loudness,
    Sound,
)


@pytest.mark.parametrize(("percent", "amplitude"), [(0, 0.0), (50, 0.316), (100, 1.0), (200, 3.16)])
def test_half_the_volume_is_half_as_loud_to_the_ear(percent: int, amplitude: float) -> None:
    assert Sound(volume_percent=percent).amplitude == pytest.approx(amplitude, abs=0.005)


def test_gain_comes_on_top_of_the_volume() -> None:
    assert Sound(volume_percent=50, gain_db=10.0).amplitude == pytest.approx(1.0, abs=0.002)


def test_speed_and_effect_multiply() -> None:
    assert Sound(speed_percent=200, effect=Effect.NIGHTCORE).rate == 2.5
    assert Sound(effect=Effect.BASS).rate == 1.0


def test_only_what_is_asked_to_stay_as_it_is_is_untouched() -> None:
    assert AS_IT_IS.untouched
    assert Sound(gain_db=0.0).untouched
    assert not Sound(gain_db=-2.5).untouched
    assert not Sound(effect=Effect.BASS).untouched


@pytest.mark.parametrize(
    "wrong", [{"volume_percent": 201}, {"volume_percent": -1}, {"speed_percent": 49}, {"gain_db": 13.0}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="it goes from"):
        Sound(**wrong)  # type: ignore[arg-type]


def test_a_loud_track_is_turned_down_to_the_target() -> None:
    assert Loudness(lufs=-9.0, peak_db=0.0).correction_db(-16.0) == -7.0


def test_a_correction_that_nobody_hears_is_not_made() -> None:
    assert Loudness(-16.0 + SMALL_CORRECTION_DB, -1.0).correction_db() == 0.0
    assert Loudness(-16.1 + 2 * SMALL_CORRECTION_DB, -1.0).correction_db() != 0.0


def test_a_quiet_track_is_raised_only_as_far_as_its_peak_has_room() -> None:
    assert Loudness(-25.0, peak_db=-20.0).correction_db() == 9.0
    assert Loudness(-25.0, peak_db=-5.0).correction_db() == 4.0
    assert Loudness(-25.0, peak_db=0.0).correction_db() == 0.0
    assert Loudness(-50.0, peak_db=-40.0).correction_db() == LARGEST_BOOST_DB
