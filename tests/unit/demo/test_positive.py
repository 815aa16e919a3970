"""Numbers on a command line that would have nothing tried are refused."""

from __future__ import annotations

import argparse

import pytest

from sandbox.positive import positive, positive_seconds


@pytest.mark.parametrize("text", ["-5", "0", "many", "", "1.5"])
def test_a_number_of_seeds_that_tries_nothing_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


@pytest.mark.parametrize("text", ["-1", "0", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive_seconds(text)


def test_others_are_taken() -> None:
    assert positive("2000") == 2_000
    assert positive_seconds("0.5") == 0.5
