"""Packets straight out of Ogg's bytes."""

from __future__ import annotations

import functools
import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timmybot.adapters.sources.ogg import Pages
from timmybot.adapters.sources.packets import Unexpected

STREAM, OTHER = 7, 8
FRAME = b"\xfc"
"""The first byte of a packet of 20 ms."""
CONTINUED, FIRST, LAST = 1, 2, 4


def page(
    number: int, segments: list[int], body: bytes, *, time: int = -1, kind: int = 0, stream: int = STREAM
) -> bytes:
    def headed(checksum: int) -> bytes:
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, time, stream, number, checksum, len(segments))
        return head + bytes(segments) + body

    return headed(checksum_of(headed(0)))


def checksum_of(page: bytes) -> int:
    """Bit by bit, as the specification has it."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x104C11DB7 if register & 0x80000000 else 0)
    return register


PAGES = 12
LONG = FRAME + b"x" * 599


def test_packets_end_where_a_segment_is_short_and_go_on_over_pages() -> None:
    first = page(0, [4, 255, 255], FRAME + b"one" + LONG[:510], time=960)
    second = page(1, [90, 255, 0], LONG[510:] + FRAME + b"y" * 254, time=2880, kind=CONTINUED)
    third = page(2, [5], FRAME + b"last", time=3000, kind=LAST)
    other = page(9, [3], b"not", stream=OTHER)
    heard = Pages().feed(first + other + second + third)
    assert heard == [(0, FRAME + b"one"), (960, LONG), (1920, FRAME + b"y" * 254), (2880, FRAME + b"last")]


@functools.cache
def whole() -> bytes:
    """Of two packets a page."""
    bodies = [FRAME + bytes(19) + FRAME + bytes([number] * 199) for number in range(PAGES)]
    return b"".join(page(number, [20, 200], body, time=1920 * (number + 1)) for number, body in enumerate(bodies))


@given(st.lists(st.integers(0, len(whole())), max_size=30))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    data, pages = whole(), Pages()
    places = [0, *sorted(cuts), len(data)]
    packets = [packet for begin, end in pairwise(places) for packet in pages.feed(data[begin:end])]
    assert packets == Pages().feed(data)
    assert [time for time, _ in packets] == [960 * number for number in range(2 * PAGES)]


def test_a_packet_whose_beginning_was_not_seen_is_left_out() -> None:
    assert Pages().feed(page(3, [9, 2], b"an end..." + FRAME + b"1", kind=CONTINUED)) == [(0, FRAME + b"1")]


@pytest.mark.parametrize(
    "oddity",
    [
        pytest.param(page(2, [2], FRAME + b"1"), id="a page is missing"),
        pytest.param(page(1, [2], FRAME + b"1", time=90_000), id="a gap in time"),
        pytest.param(page(1, [2], FRAME + b"1", kind=FIRST), id="another stream begins"),
        pytest.param(b"\0" * 40, id="zeros"),
    ],
)
def test_what_came_before_an_oddity_is_given_and_then_it_is_said(oddity: bytes) -> None:
    pages = Pages()
    assert pages.feed(page(0, [2], FRAME + b"0", time=960) + oddity)[:1] == [(0, FRAME + b"0")]
    with pytest.raises(Unexpected):
        pages.feed(b"")


@given(st.lists(st.integers(0, 8 * len(whole()) - 1), min_size=1, max_size=8, unique=True))
def test_of_damaged_pages_nothing_is_given_but_what_came_before_the_damage(bits: list[int]) -> None:
    damaged, page_bytes = bytearray(whole()), len(whole()) // PAGES
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    packets = []
    with suppress(Unexpected):
        packets = Pages().feed(bytes(damaged))
    assert packets == Pages().feed(whole())[: 2 * (min(bits) // 8 // page_bytes)]


def test_negative_control_what_was_wrong_before_its_checksum_was_made_is_given() -> None:
    assert Pages().feed(page(0, [2], FRAME + b"!", time=960)) == [(0, FRAME + b"!")]


def test_a_packet_without_end_is_not_kept() -> None:
    pages = Pages()
    assert pages.feed(page(0, [255] * 255, bytes(255 * 255))) == []
    with pytest.raises(Unexpected):
        pages.feed(page(1, [255] * 255, bytes(255 * 255), kind=CONTINUED))


@given(st.binary(max_size=200), st.integers(0, 500))
def test_noise_is_packets_or_unexpected_and_never_anything_else(noise: bytes, place: int) -> None:
    pages = Pages()
    try:
        for piece in (whole()[:place], noise, whole()[place:]):
            pages.feed(piece)
    except Unexpected:
        pass
