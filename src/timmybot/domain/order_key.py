"""Order keys: strings whose lexicographic order is the order of the queue.

A key is a **place** and a suffix that nobody else has. A place is a number of fixed width, after which a fraction may
follow where something was put between two neighbours: ``000000000007-id``, ``000000000007.V-id``, ``000000000008-id``.
The suffix keeps two writers who chose the same place from ever writing the same item; a key never passes from one
entry to another.

A fraction grows when one gap is halved again and again. Before it grows long, :class:`KeysExhausted` asks for the
queue to be written anew with fresh places.
"""

from __future__ import annotations

import hashlib
import re

from timmybot.domain.ids import EntryId, OrderKey

START = OrderKey("")
"""Before every key."""

FRACTION_LIMIT = 16
"""Digits of a fraction: over 900 insertions at one spot before they run out, 80 if each halves the gap."""

_WIDTH = 12
_LAST = 10**_WIDTH - 1
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In ASCII order. ``-`` and ``.`` come before all of them, so that a place sorts before its own fractions."""

_SHUFFLED_DIGITS = 9
_KEY = re.compile(rf"[0-9]{{{_WIDTH}}}(\.[0-9A-Za-z]{{1,{FRACTION_LIMIT}}})?-[!-~]{{1,64}}")


class KeysExhausted(Exception):
    """No short key is left here: the queue has to be written anew with fresh places."""


def is_order_key(text: str) -> bool:
    """Whether ``text`` is a key that this module could have made. Stored keys are not trusted."""
    return _KEY.fullmatch(text) is not None


def at(place: int, entry_id: EntryId) -> OrderKey:
    """The key at a whole place. Raises :class:`KeysExhausted` beyond the last one."""
    if place > _LAST:
        raise KeysExhausted
    return OrderKey(f"{place:0{_WIDTH}d}-{entry_id}")


def whole_place(key: OrderKey) -> int:
    """The whole number of a key's place; 0 for :data:`START`."""
    return int(key[:_WIDTH]) if key else 0


def named_by(key: OrderKey) -> EntryId:
    """The entry that the key was made for."""
    return EntryId(key.partition("-")[2])


def after(key: OrderKey, entry_id: EntryId) -> OrderKey:
    """A key right after ``key`` and every fraction of its place, for the entry that ``entry_id`` names."""
    return at(whole_place(key) + 1, entry_id)


def between(low: OrderKey, high: OrderKey | None, entry_id: EntryId, *, close: bool = False) -> OrderKey:
    """A key behind ``low`` and before ``high``, as short as can be; without ``high``, one right after ``low``.

    ``close`` chooses it close to ``high``, so that the next one before it finds room: for what is put in front again
    and again. Raises :class:`KeysExhausted`.
    """
    if high is None:
        return after(low, entry_id)
    (low_number, low_fraction), (high_number, high_fraction) = _place(low), _place(high)
    if (low_number, low_fraction) == (high_number, high_fraction):
        raise KeysExhausted  # One was brought back to where another had been put meanwhile.
    if high_number - low_number > 1:
        return at(high_number - 1 if close else (low_number + high_number) // 2, entry_id)
    if high_number > low_number and high_fraction:
        return at(high_number, entry_id)
    fraction = _between(low_fraction, high_fraction if high_number == low_number else None, close=close)
    if len(fraction) > FRACTION_LIMIT:
        raise KeysExhausted
    return OrderKey(f"{low_number:0{_WIDTH}d}.{fraction}-{entry_id}")


def shuffled(low: OrderKey, entry_id: EntryId, seed: str) -> OrderKey:
    """Where ``seed`` throws an entry in a shuffle of everything behind ``low``.

    Each entry is thrown by itself, so that a shuffle need not begin again when one comes or goes meanwhile.
    """
    thrown = int.from_bytes(hashlib.blake2b(f"{seed}/{entry_id}".encode(), digest_size=16).digest(), "big")
    digits = []
    for _ in range(_SHUFFLED_DIGITS):
        thrown, digit = divmod(thrown, len(_DIGITS) - 1)
        digits.append(_DIGITS[digit + 1])
    place = whole_place(low) + 1
    if place > _LAST:
        raise KeysExhausted
    return OrderKey(f"{place:0{_WIDTH}d}.{''.join(digits)}-{entry_id}")


def _place(key: OrderKey) -> tuple[int, str]:
    place, _, _ = key.partition("-")
    number, _, fraction = place.partition(".")
    return int(number or 0), fraction


def _between(low: str, high: str | None, *, close: bool) -> str:
    """A fraction behind ``low`` and before ``high``. No fraction ends in 0, or nothing would fit before it."""
    digits: list[str] = []
    while True:
        place = len(digits)
        floor = _DIGITS.index(low[place]) if place < len(low) else 0
        ceiling = _DIGITS.index(high[place]) if high is not None and place < len(high) else len(_DIGITS)
        if high is not None and ceiling == floor:
            digits.append(_DIGITS[floor])
        elif ceiling - floor > 1:
            chosen = ceiling - 1 if close else (floor + ceiling) // 2
            return "".join([*digits, _DIGITS[chosen]])
        else:
            digits.append(_DIGITS[floor])
            high = None
