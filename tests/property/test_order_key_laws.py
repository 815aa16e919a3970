"""The laws of order keys: every key lies where it was asked for, keys stay short, and no two are ever the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timmybot.domain.ids import EntryId, OrderKey
from timmybot.domain.order_key import (
    FRACTION_LIMIT,
    START,
    KeysExhausted,
    after,
    at,
    between,
    is_order_key,
    shuffled,
    whole_place,
)

LONGEST = 12 + 1 + FRACTION_LIMIT + 1 + 64
names = st.text("0123456789abcdefXYZ_-", min_size=1, max_size=32).map(EntryId)
fractions = st.from_regex(r"(\.[0-9A-Za-z]{0,15}[1-9A-Za-z])?", fullmatch=True)
keys = st.builds(
    lambda place, fraction, name: OrderKey(f"{place:012d}{fraction}-{name}"), st.integers(1, 50), fractions, names
)


@given(st.lists(keys, min_size=2, max_size=2, unique=True).map(sorted), names, st.booleans())
def test_a_key_between_two_lies_between_them(neighbours: list[OrderKey], name: EntryId, close: bool) -> None:
    low, high = neighbours
    if low.partition("-")[0] == high.partition("-")[0]:
        with pytest.raises(KeysExhausted):  # Nothing but their suffixes tells them apart.
            between(low, high, name, close=close)
        return
    try:
        made = between(low, high, name, close=close)
    except KeysExhausted:
        assert max(len(key.partition("-")[0]) for key in neighbours) > 12 + FRACTION_LIMIT // 2
        return
    assert low < made < high
    assert is_order_key(made)
    assert len(made) <= LONGEST


@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=80))
def test_keys_put_anywhere_stay_in_the_order_of_a_list(insertions: list[tuple[int, bool]]) -> None:
    queue: list[OrderKey] = [at(1, EntryId("head")), at(2, EntryId("last"))]
    for number, (anywhere, close) in enumerate(insertions):
        place = 1 + anywhere % len(queue)
        high = queue[place] if place < len(queue) else None
        queue.insert(place, between(queue[place - 1], high, EntryId(f"n{number}"), close=close))
        assert queue == sorted(set(queue))
        assert all(is_order_key(key) for key in queue)


def test_hundreds_can_be_put_in_front_one_after_the_other_before_keys_run_out() -> None:
    assert insertions_before_the_same(close=True) > 900


def test_a_gap_can_be_halved_dozens_of_times_before_keys_run_out() -> None:
    assert insertions_before_the_same(close=False) >= 80


def insertions_before_the_same(*, close: bool) -> int:
    low, high = at(1, EntryId("head")), at(2, EntryId("first"))
    for count in range(10_000):
        try:
            made = between(low, high, EntryId(f"n{count}"), close=close)
        except KeysExhausted:
            return count
        assert low < made < high
        assert len(made) <= LONGEST
        high = made
    raise AssertionError("keys grew without end")


@given(keys, names)
def test_an_appended_key_comes_after_every_fraction_of_the_last_place(key: OrderKey, name: EntryId) -> None:
    made = after(key, name)
    assert made > key
    assert made > OrderKey(f"{whole_place(key):012d}.{'z' * FRACTION_LIMIT}-~")


@given(keys, st.lists(names, min_size=1, max_size=30, unique=True), st.text(max_size=16))
def test_a_shuffle_throws_each_entry_by_itself_behind_what_plays(
    head: OrderKey, entry_ids: list[EntryId], seed: str
) -> None:
    thrown = {name: shuffled(head, name, seed) for name in entry_ids}
    assert len(set(thrown.values())) == len(entry_ids)
    assert all(key > head and is_order_key(key) for key in thrown.values())
    assert all(after(key, EntryId("next")) > other for key in thrown.values() for other in thrown.values())


def test_a_shuffle_is_fair_to_every_order() -> None:
    counts: dict[tuple[str, ...], int] = {}
    for seed in range(6_000):
        order = tuple(sorted("abc", key=lambda name, seed=seed: shuffled(START, EntryId(name), str(seed))))  # type: ignore[misc]
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_behind_the_last_place_there_is_none() -> None:
    with pytest.raises(KeysExhausted):
        after(OrderKey("999999999999-x"), EntryId("y"))


@given(st.text(max_size=100))
def test_what_is_no_key_is_known_as_such(text: str) -> None:
    if is_order_key(text):
        assert whole_place(OrderKey(text)) >= 0
        assert len(text) <= LONGEST
