"""Numbers that a command line may give: how many of something."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Raises what argparse shows for a number that would do nothing."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few: say 1 or more")
    return number


def positive_seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is too short or too long: say more than 0")
    return number
