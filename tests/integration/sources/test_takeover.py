"""Reading on without FFmpeg, and with it again where that ends."""

from __future__ import annotations

import re
from itertools import chain, islice
from pathlib import Path
from random import Random

import pytest

from sandbox.recording import Format, opus_packets
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.matroska import CLUSTER_MARK
from timmybot.adapters.sources.media_messages import Packet
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.ogg import PAGE_MARK
from timmybot.adapters.sources.packets import SILENCE, Unexpected
from timmybot.adapters.sources.reel import Reel
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.adapters.sources.stream import Marks
from timmybot.adapters.sources.takeover import take_over
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, FRAME_MS

MOST_IN_A_PAGE = 50
"""FFmpeg, which wrote them, begins a page a second."""
SEGMENTS_PLACE = 26
"""Where a page says how many segments it has, whose lengths come next."""
FORMATS = [Format.WEBM_OPUS, Format.OGG_OPUS]
NOT_KNOWN = b"\x42\x87\x88" + bytes(8)
"""An element of Matroska that is none of a Segment's; FFmpeg skips it."""


def damaged(format: Format, data: bytes) -> bytes:
    """The same packets, but past the middle something that only FFmpeg puts up with."""
    mark = CLUSTER_MARK if format is Format.WEBM_OPUS else PAGE_MARK
    place = data.index(mark, len(data) // 2)
    return data[:place] + (NOT_KNOWN if format is Format.WEBM_OPUS else b"\0") + data[place:]


def pages_of(data: bytes) -> list[int]:
    """Where they begin."""
    return [found.start() for found in re.finditer(re.escape(PAGE_MARK), data)]


def byte_of(data: bytes, page: int, where: str, random: Random) -> int:
    """Any byte there, counted from the page's beginning."""
    head = SEGMENTS_PLACE + 1 + data[page + SEGMENTS_PLACE]
    lengths = data[page + SEGMENTS_PLACE + 1 : page + head]
    if where == "in a page's head":
        return random.randrange(head)
    if where == "in a packet":
        return random.randrange(head, head + sum(lengths))
    first_segments = [0, *(number + 1 for number, length in enumerate(lengths[:-1]) if length < 255)]
    return head + sum(lengths[: random.choice(first_segments)])


def packets_of(data: bytes, tmp_path: Path) -> list[bytes]:
    file = tmp_path / "tune"
    file.write_bytes(data)
    return list(opus_packets(file))


def begun_by_ffmpeg(media: MediaPool, file: RememberingFile, position_ms: float = 0.0) -> list[Packet]:
    """The first packets from there on, of a file that FFmpeg has then done with."""
    session = media.session(file)
    try:
        return session.open(position_ms, seeking=True).first
    finally:
        session.close()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("position_ms", [0, 9_000])
def test_what_ffmpeg_began_is_read_on_from_the_same_connection(
    *, server: MediaServer, media: MediaPool, recorded: Recorded, tmp_path: Path, format: Format, position_ms: int
) -> None:
    with RememberingFile(server.serve("/tune", content(recorded(format))), AddressPolicy(server.allowed)) as file:
        first = begun_by_ffmpeg(media, file, position_ms)
        takeover = take_over(file, first)
        other = take_over(file, [first[0], *first[2:]])

        assert takeover is not None
        assert other is None, "the negative control: FFmpeg gave other packets"
        begun = takeover.begun
        heard = [packet for run in takeover.runs() for packet in run]
        assert list(begun) == heard[: len(begun)]
        assert not takeover.begun, "what has been handed on is not kept for as long as the file plays"

    whole = packets_of(recorded(format), tmp_path)
    assert [data for _, data in heard] == whole[len(whole) - len(heard) :]
    assert [time + takeover.shift for time, _ in heard[: len(first)]] == [packet.pts for packet in first]
    assert len(heard) == len(whole) if not position_ms else 300 < len(heard) < len(whole)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_taken_over_that_ffmpeg_has_gone_on_from(
    server: MediaServer, media: MediaPool, recorded: Recorded, format: Format
) -> None:
    with RememberingFile(server.serve("/tune", content(recorded(format))), AddressPolicy(server.allowed)) as file:
        first = begun_by_ffmpeg(media, file)
        file.seek(1)
        assert take_over(file, first) is None


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
def test_where_only_ffmpeg_can_go_on_it_does_and_no_packet_is_lost_or_heard_twice(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    recorded: Recorded,
    tmp_path: Path,
    format: Format,
    ranges: bool,
) -> None:
    data = damaged(format, recorded(format))

    heard = drain(source.open(Track(server.serve("/tune", content(data, ranges=ranges))), position_ms=0), filling)

    assert heard == packets_of(data, tmp_path)
    assert len(heard) >= len(packets_of(recorded(format), tmp_path)) - 60, "FFmpeg leaves out a page at most"


@pytest.mark.parametrize("where", ["in a page's head", "in a packet's first byte", "in a packet"])
def test_a_bit_that_fell_over_in_ogg_is_silence_for_the_page_it_is_in_and_nothing_else(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    recorded: Recorded,
    tmp_path: Path,
    where: str,
) -> None:
    data, whole, random = recorded(Format.OGG_OPUS), packets_of(recorded(Format.OGG_OPUS), tmp_path), Random(where)
    for place in pages_of(data)[6:]:
        damaged = bytearray(data)
        damaged[place + byte_of(data, place, where, random)] ^= 1 << random.randrange(8)
        heard = drain(source.open(Track(server.serve("/tune", content(bytes(damaged)))), position_ms=0), filling)
        begin = next((n for n, pair in enumerate(zip(heard, whole, strict=False)) if pair[0] != pair[1]), len(heard))
        silent = heard.count(SILENCE)
        assert 0 < silent + len(whole) - len(heard) <= MOST_IN_A_PAGE
        left = [packet for packet in heard if packet != SILENCE]
        left_out = len(whole) - len(left)
        assert left == whole[:begin] + whole[begin + left_out :], "each packet as it was, so none was made anew"
        assert heard[-50:] == whole[-50:] or not silent, "and where it was, but for one that FFmpeg gives too early"


@pytest.mark.parametrize("format", FORMATS)
def test_that_damage_is_one_that_cannot_be_read_without_ffmpeg(
    server: MediaServer, media: MediaPool, recorded: Recorded, format: Format
) -> None:
    """The negative control of the test above."""
    url = server.serve("/tune", content(damaged(format, recorded(format))))
    with RememberingFile(url, AddressPolicy(server.allowed)) as file:
        takeover = take_over(file, begun_by_ffmpeg(media, file))
        assert takeover is not None
        with pytest.raises(Unexpected):
            for _ in takeover.runs():
                pass


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_changes_to_longer_packets_is_made_into_frames_from_there(
    server: MediaServer, media: MediaPool, recorded: Recorded, format: Format
) -> None:
    """The sound of a reel that FFmpeg has left is made anew from its packets alone."""
    file = RememberingFile(server.serve("/tune", content(recorded(format))), AddressPolicy(server.allowed))
    reel = Reel(file, media, 0.0, seeking=True, alone=False)
    untouched = [frame for run in islice(reel.frames(0.0, AS_IT_IS, None), 2) for frame in run]
    reel._through = False
    made = list(islice(chain.from_iterable(reel.frames(1_000.0, AS_IT_IS, None)), 100))
    reel.close()
    assert len(made) == 100
    assert made[0] not in untouched


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_buffer_can_be_made_anew_from_its_beginning(
    server: MediaServer, media: MediaPool, recorded: Recorded, format: Format
) -> None:
    """However long the last run was: what the reader has not heard yet must be on the tape."""
    file = RememberingFile(server.serve("/tune", content(recorded(format))), AddressPolicy(server.allowed))
    reel = Reel(file, media, 0.0, seeking=True, alone=False)
    buffered = 0
    for run in reel.frames(0.0, AS_IT_IS, None):
        buffered += len(run)
        full = min(buffered, Marks().high + len(run))
        assert reel.begins_ms <= (buffered - full) * FRAME_MS
    reel.close()
    assert buffered > 2 * Marks().high
