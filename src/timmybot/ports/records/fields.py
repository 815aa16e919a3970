"""Reading the fields of a stored record without trusting any of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from timmybot.domain.order_key import FRACTION_LIMIT

Record = Mapping[str, object]

SCHEMA = 1
"""The shape that this release writes."""

READABLE = frozenset({1})
"""The shapes that this release reads. One that is to be written is in here a release earlier; see ADR 0017."""

ID_LIMIT = 64
"""Characters of an identifier that we made up ourselves."""

KEY_LIMIT = 14 + FRACTION_LIMIT + ID_LIMIT
"""Characters of an order key: a place of 12 digits, a dot and a fraction, a hyphen, an entry id."""

_NUMBER_LIMIT = 2**63
"""Discord's snowflakes are 64 bits wide, and SQLite's integers are signed."""


class Unreadable(ValueError):
    """A stored record is not what it should be. The message names the field and never quotes what it holds."""


class OfNewerSchema(Unreadable):
    """A record that a later release wrote: not damaged, and not to be written over by one that cannot read it."""


def with_schema(fields: Mapping[str, object]) -> dict[str, object]:
    """A record of these fields, leaving out those that are ``None``."""
    return {"schema": SCHEMA} | {name: value for name, value in fields.items() if value is not None}


def integer_or_zero(value: object) -> int:
    """What may be left of a number in a record that is otherwise lost."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class Fields:
    """One stored record. Raises :class:`OfNewerSchema`, and :class:`Unreadable` if it has no schema of ours.

    ``newer_too`` is for what workers of all releases tell each other, which may get more fields and never other ones.
    """

    def __init__(self, record: Record, *, newer_too: bool = False) -> None:
        self._record = record
        schema = record.get("schema")
        if not isinstance(schema, int):
            raise Unreadable("unknown schema")
        if schema > max(READABLE) and not newer_too:
            raise OfNewerSchema("a newer release wrote it")
        if schema < max(READABLE) and schema not in READABLE:
            raise Unreadable("unknown schema")

    def text(self, name: str, limit: int, default: str = "") -> str:
        value = self._record.get(name, default)
        if not isinstance(value, str) or len(value) > limit:
            raise Unreadable(f"{name} is not text of at most {limit} characters")
        return value

    def text_or_none(self, name: str, limit: int) -> str | None:
        return self.text(name, limit) if name in self._record else None

    def present_text(self, name: str, limit: int) -> str:
        value = self.text(name, limit)
        if not value:
            raise Unreadable(f"{name} is missing")
        return value

    def number(self, name: str) -> int:
        """A whole number, 0 or more; 0 if it is absent."""
        return _whole(name, self._record.get(name, 0))

    def number_or_none(self, name: str) -> int | None:
        return self.number(name) if name in self._record else None

    def present_number(self, name: str) -> int:
        value = self.number(name)
        if not value:
            raise Unreadable(f"{name} is missing")
        return value

    def time(self, name: str) -> float:
        """Unix time in seconds; it has to be there."""
        value = self._record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _NUMBER_LIMIT:
            raise Unreadable(f"{name} is not a time")
        return float(value)

    def decibels(self, name: str, low: float, high: float) -> float:
        """A level; it has to be there."""
        value = self._record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Unreadable(f"{name} is not a level from {low} to {high}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._record.get(name, False)
        if not isinstance(value, bool):
            raise Unreadable(f"{name} is neither true nor false")
        return value

    def one_of(self, name: str, known: Collection[str]) -> str | None:
        """One of the ``known`` texts; ``None`` if it is absent, or of a kind that a later release knows."""
        value = self.text_or_none(name, ID_LIMIT)
        return value if value in known else None

    def record_or_none(self, name: str) -> Record | None:
        """A record within the record."""
        value = self._record.get(name)
        if value is not None and not isinstance(value, dict):
            raise Unreadable(f"{name} is not a record")
        return value

    def numbers(self, name: str, limit: int) -> tuple[int, ...]:
        value = self._record.get(name, [])
        if not isinstance(value, list) or len(value) > limit:
            raise Unreadable(f"{name} is not a list of at most {limit}")
        return tuple(_whole(name, each) for each in value)

    def numbers_by_name(self, name: str) -> dict[str, int]:
        value = self._record.get(name, {})
        if not isinstance(value, dict):
            raise Unreadable(f"{name} is not a mapping")
        return {str(key)[:ID_LIMIT]: _whole(name, each) for key, each in value.items()}


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _NUMBER_LIMIT:
        raise Unreadable(f"{name} is not a whole number of 0 or more")
    return value
