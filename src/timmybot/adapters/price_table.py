"""The dated price table that ships with the package. Its ``note`` names the sources."""

from __future__ import annotations

import json
from importlib import resources

from timmybot.domain.cost import Prices


def prices(region: str) -> Prices:
    """The prices of a region. Raises ``KeyError`` for a region the table does not know."""
    table = json.loads(resources.files("timmybot").joinpath("prices.json").read_text())
    known: Prices = table["regions"][region]
    return known
