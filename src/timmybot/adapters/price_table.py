"""The dated price table that ships with the package. Its ``note`` names the sources, ``estimated`` the lesser ones."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from timmybot.domain.cost import Doubts, Prices


class NoPrices(Exception):
    """The table does not know the region. The message says which it knows."""


def prices(region: str) -> Prices:
    """The prices of a region. Raises :class:`NoPrices`."""
    regions: dict[str, Prices] = _table()["regions"]
    if region not in regions:
        raise NoPrices(f"The price table does not know {region}: it has {', '.join(regions)}.")
    return regions[region]


def doubts() -> Doubts:
    """Where those prices come from that are not from AWS's price list."""
    found: Doubts = _table()["estimated"]
    return found


def dated() -> str:
    """The day of the latest publication the table was taken from, as ``2026-08-16``."""
    return str(_table()["dated"])


def _table() -> Any:
    return json.loads(resources.files("timmybot").joinpath("prices.json").read_text())
