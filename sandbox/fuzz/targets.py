"""What must hold of each of our parsers, whatever bytes it is given.

Here, and nowhere else in the fuzzer, it is said where the parsers are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from types import ModuleType
from typing import Final, Protocol
from urllib.parse import urlsplit

from urllib3.util import Url

from sandbox.fuzz import ogg_reference
from timmybot.adapters.sources import matroska, ogg, urls
from timmybot.adapters.sources.children.media import mp3
from timmybot.adapters.sources.packets import Unexpected
from timmybot.domain.track import URL_LIMIT
from timmybot.ports.track_source import TrackError

_MOST_CUTS: Final = 12
_LONGEST_PACKET: Final = 128 * 1024
_BASE: Final = urls.checked_url("https://example.org/music/song.mp3")
_TRACK: Final = 1


@dataclass(frozen=True)
class Target:
    name: str
    module: ModuleType
    """Whose lines count as new ones."""
    check: Callable[[bytes], None]
    """Raises what is wrong: :class:`AssertionError`, or any error that should not have come out of the parser."""
    finish: Callable[[bytes], bytes] = bytes
    """Makes a mutated input more likely to be looked into."""


class Parser(Protocol):
    def feed(self, data: bytes) -> list[tuple[int, bytes]]: ...


def _outcome(parser: Parser, pieces: Sequence[bytes]) -> tuple[list[tuple[int, bytes]], bool]:
    """The packets, and whether there was trouble."""
    packets: list[tuple[int, bytes]] = []
    try:
        for piece in (*pieces, b""):
            packets += parser.feed(piece)
    except Unexpected:
        return packets, True
    return packets, False


def _in_pieces(data: bytes) -> list[bytes]:
    dice = Random(data)
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(_MOST_CUTS)))
    return [data[begin:end] for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True)]


def _parses_alike(make: Callable[[], Parser], data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    whole = _outcome(make(), [data])
    assert _outcome(make(), _in_pieces(data)) == whole, "it matters how the bytes are cut"
    packets, _ = whole
    assert sum(len(packet) for _, packet in packets) <= len(data), "more came out than went in"
    assert all(0 < len(packet) <= _LONGEST_PACKET for _, packet in packets), "an empty or endless packet"
    return whole


def check_ogg(data: bytes, make: Callable[[], Parser] = ogg.Pages) -> None:
    packets, trouble = _parses_alike(make, data)
    right = ogg_reference.packets(data)
    found = [packet for _, packet in packets]
    assert found == right[: len(found)], "packets that are not in the file"
    assert trouble or found == right, "packets were left out, and nothing was said"
    times = [time for time, _ in packets]
    assert times == sorted(times), "time runs backwards"


def check_matroska(data: bytes, make: Callable[[], Parser] = lambda: matroska.Blocks(_TRACK)) -> None:
    packets, _ = _parses_alike(make, data)
    assert all(packet in data for _, packet in packets), "packets that are not in the file"


@dataclass(frozen=True)
class _Packet:
    """What is looked at of PyAV's packets."""

    pts: int | None
    pos: int | None
    size: int
    duration: int | None
    head: bytes

    def __bytes__(self) -> bytes:
        return self.head


_FIELDS: Final = struct.Struct("<BqqIi3s")


def check_mp3(data: bytes) -> None:
    packets = []
    for flags, pts, pos, size, duration, head in _FIELDS.iter_unpack(data[: len(data) // _FIELDS.size * _FIELDS.size]):
        known = [value if flags >> bit & 1 else None for bit, value in enumerate((pts, pos, duration))]
        packets.append(_Packet(known[0], known[1], size, known[2], head[: flags >> 3 & 3]))
    middle = len(packets) // 2
    came = mp3.came_there(packets[:middle], packets[middle:])  # type: ignore[arg-type]
    assert came in (True, False)
    if packets:
        _check_one_bit_rate(packets[0])


def _check_one_bit_rate(like: _Packet) -> None:
    """In a file of one bit rate a place is where it is due, and not a hundredth of the file further on."""
    size, ticks = 24 + like.size % 1_400, 1 + (like.duration or 0) % 100_000
    first = (like.pos or 0) % 10_000_000
    begun = [_Packet(at * ticks, first + at * size, size, ticks, b"\xff\xfb\x90") for at in range(8)]
    far = 1_000 + (like.pts or 0) % 100_000
    for off, right in ((0, True), (far * size // 100 + 8_192, False)):
        here = [_Packet(far * ticks, first + far * size + off, size, ticks, b"\xff\xfb\x90")]
        assert mp3.came_there(begun, here) is right, "a place was taken for another"  # type: ignore[arg-type]


def check_urls(data: bytes) -> None:
    text, _, location = data.decode("utf-8", "surrogateescape").partition("\n")
    for url in (_answer(urls.checked_url, urls.cleaned(text)), _answer(partial(urls.redirected, _BASE), location)):
        if url is not None:
            _check_url(url)


def _answer(ask: Callable[[str], Url], text: str) -> Url | None:
    """The URL, unless it was refused in a sentence."""
    try:
        return ask(text)
    except TrackError as refused:
        sentence = str(refused)
    assert len(sentence) < 300, "a long sentence"
    return None


def _check_url(url: Url) -> None:
    whole = url.url
    assert url.scheme in ("http", "https"), whole
    assert url.host, whole
    assert len(url.host) <= urls.HOST_LIMIT, whole
    assert url.auth is None, whole
    assert whole.isprintable(), whole
    assert not any(character.isspace() for character in whole), whole
    host, port = urls.host_and_port(url)
    assert 0 <= port <= 65_535, whole
    assert (urlsplit(whole).hostname or "") == host.lower(), f"two hosts can be read from {whole!r}"
    if len(whole) <= URL_LIMIT:
        assert urls.checked_url(whole).url == whole, f"another address the second time: {whole!r}"


TARGETS: Final = (
    Target("ogg", ogg, check_ogg, ogg_reference.with_checksums),
    Target("matroska", matroska, check_matroska),
    Target("mp3", mp3, check_mp3),
    Target("urls", urls, check_urls),
)
