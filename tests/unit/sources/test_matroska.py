"""Packets straight out of Matroska's bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timmybot.adapters.sources.matroska import Blocks
from timmybot.adapters.sources.packets import Unexpected

UNKNOWN = b"\x01" + b"\xff" * 7
TRACK, OTHER = 3, 4


def element(name: str, content: bytes, *, size: bytes | None = None) -> bytes:
    return bytes.fromhex(name) + (size or (0x4000 | len(content)).to_bytes(2, "big")) + content


def block(time: int, packet: bytes, *, track: int = TRACK, flags: int = 0) -> bytes:
    return bytes([0x80 | track]) + time.to_bytes(2, "big", signed=True) + bytes([flags]) + packet


def simple(time: int, packet: bytes, **options: int) -> bytes:
    return element("a3", block(time, packet, **options))


def cluster(time: int, *content: bytes, size: bytes | None = None) -> bytes:
    return element("1f43b675", element("e7", time.to_bytes(2, "big")) + b"".join(content), size=size)


FILE = b"".join(
    (
        cluster(1000, simple(0, b"one"), simple(20, b"x" * 300), simple(21, b"not ours", track=OTHER)),
        element("ec", bytes(5000)),
        cluster(2000, simple(-20, b"three"), element("a0", element("a1", block(0, b"four")) + element("9b", b"\x14"))),
        element("1254c367", b"whoever sang it"),
        cluster(3000, element("a7", b"\1"), simple(0, b"five", flags=0x80), size=UNKNOWN),
        cluster(4000, simple(0, b"", flags=0x80), simple(1, b"six")),
    )
)
PACKETS = [(1000, b"one"), (1020, b"x" * 300), (1980, b"three"), (2000, b"four"), (3000, b"five"), (4001, b"six")]


def test_our_tracks_packets_come_with_their_times_from_clusters_of_every_kind() -> None:
    assert Blocks(TRACK).feed(FILE) == PACKETS


@given(st.lists(st.integers(0, len(FILE)), max_size=30))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    blocks, places = Blocks(TRACK), [0, *sorted(cuts), len(FILE)]
    pieces = [FILE[begin:end] for begin, end in pairwise(places)]
    assert [packet for piece in pieces for packet in blocks.feed(piece)] == PACKETS


@pytest.mark.parametrize(
    "oddity",
    [
        pytest.param(simple(0, b"several in one", flags=0x02), id="laced"),
        pytest.param(element("af", b"encrypted"), id="an element that music has not"),
        pytest.param(b"\0" * 20, id="zeros"),
        pytest.param(element("a3", b"\x83\0"), id="a block without room for its head"),
        pytest.param(element("a3", b"\x40\x03\0\0\0"), id="a track of a number too long"),
        pytest.param(bytes.fromhex("a3") + b"\x10\x20\0\0" + block(0, b""), id="an endless packet"),
    ],
)
def test_what_came_before_an_oddity_is_given_and_then_it_is_said(oddity: bytes) -> None:
    blocks = Blocks(TRACK)
    assert blocks.feed(cluster(0, simple(0, b"good")) + oddity + bytes(8)) == [(0, b"good")]
    with pytest.raises(Unexpected):
        blocks.feed(b"")


def test_a_file_that_is_cut_off_gives_what_is_whole() -> None:
    assert Blocks(TRACK).feed(FILE[: FILE.index(b"x" * 300) + 299]) == PACKETS[:1]


@given(st.binary(max_size=200), st.integers(0, len(FILE)))
def test_noise_is_packets_or_unexpected_and_never_anything_else(noise: bytes, place: int) -> None:
    blocks = Blocks(TRACK)
    try:
        for piece in (FILE[:place], noise, FILE[place:]):
            blocks.feed(piece)
    except Unexpected:
        pass
