"""Order keys: strings whose lexicographic order is the order of the queue.

A key is a number of fixed width and a suffix that nobody else has. The number gives the place; the suffix keeps two
writers who chose the same place from ever writing the same item.
"""

from __future__ import annotations

from timmybot.domain.ids import EntryId, OrderKey

_WIDTH = 12

START = OrderKey("")
"""Before every key."""


def after(key: OrderKey, entry_id: EntryId) -> OrderKey:
    """A key right after ``key``, for the entry that ``entry_id`` names."""
    number = int(key[:_WIDTH]) if key else 0
    return OrderKey(f"{number + 1:0{_WIDTH}d}-{entry_id}")
