"""What a month costs: what is bought times prices, line by line.

A price that is not established is ``None`` and never counts as zero: its line is listed as unpriced. What is known only
from hearsay, or counted by hand, counts and is listed as an estimate, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOURS_PER_MONTH = 730.0

Prices = Mapping[str, float | None]
"""USD by the name of what is bought, in one region."""
Doubts = Mapping[str, str]
"""Where a price comes from, by its name, if not from AWS's own price list."""


@dataclass(frozen=True)
class Line:
    """Something bought: ``quantity`` units of what the price table calls ``price``."""

    name: str
    price: str
    quantity: float
    unit: str
    given: float = 0.0
    """Of the quantity, what every account gets each month for nothing, for ever: never counted."""
    free_tier: float = 0.0
    """Of the rest, what a free tier would take off: counted unless it is asked for."""
    egress: bool = False
    """Whether it is what the chosen way out costs."""
    doubt: str = ""
    """Why the quantity is an estimate, beside what habits say of every quantity."""


@dataclass(frozen=True)
class Item:
    """One priced line of the bill. ``usd`` is ``None`` when no price is established."""

    name: str
    quantity: float
    unit: str
    usd: float | None
    free_tier_usd: float = 0.0
    """What free tiers would take off ``usd``."""
    egress: bool = False
    doubt: str = ""
    """Why ``usd`` is an estimate; empty if price and count are AWS's."""


@dataclass(frozen=True)
class Bill:
    """A month. ``unpriced`` names every resource and line that no price is known for."""

    items: tuple[Item, ...]
    unpriced: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """USD before tax, of what has a price, without free tiers."""
        return sum(item.usd for item in self.items if item.usd is not None)

    @property
    def total_with_free_tier(self) -> float:
        return self.total - sum(item.free_tier_usd for item in self.items)

    @property
    def estimated(self) -> tuple[str, ...]:
        """Every line that costs something and is an estimate, with the reason."""
        return tuple(f"{item.name}: {item.doubt}" for item in self.items if item.doubt and item.usd)


def billed(lines: Sequence[Line], prices: Prices, doubts: Doubts, unpriced: Sequence[str] = ()) -> Bill:
    """The bill of what was bought, dearest first; what has no price comes last and is named."""
    items = [_item(line, prices.get(line.price), doubts.get(line.price, "")) for line in lines if line.quantity > 0]
    ordered = sorted(items, key=lambda item: (item.usd is None, -(item.usd or 0.0), item.name))
    unknown = [f"{item.name}: no price is established" for item in ordered if item.usd is None]
    return Bill(tuple(ordered), (*unpriced, *unknown))


def _item(line: Line, price: float | None, doubt: str) -> Item:
    paid = max(line.quantity - line.given, 0.0)
    free = min(line.free_tier, paid)
    return Item(
        line.name,
        line.quantity,
        line.unit,
        None if price is None else paid * price,
        0.0 if price is None else free * price,
        line.egress,
        "; ".join(reason for reason in (doubt, line.doubt) if reason),
    )
