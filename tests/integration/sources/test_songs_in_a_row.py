"""Ogg in which each song begins its own time: on stations with every song, and in files that were joined."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pytest

from tests.integration.sources.chained import numbered, tuned_in
from tests.integration.sources.hearing import await_buffered, decode, drain, loudest_hz, tone
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content
from tests.integration.sources.test_playing import encoded
from tests.integration.sources.test_sound import HALF_AS_LOUD, await_change
from tests.integration.sources.test_stations import hearing
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.children.media import demux
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.row import Placed, Row, Timed
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

CODECS = {"libopus": "flt", "vorbis": "fltp", "flac": "s16"}
PASSED_THROUGH = "libopus"
HZ = (440, 660, 880)


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def songs(codec: str, *seconds: float) -> list[bytes]:
    """Each a tone of its own."""
    return [
        numbered(encoded(tone(hz, seconds=each), codec, "ogg", CODECS[codec], {"strict": "experimental"}), hz)
        for hz, each in zip(HZ, seconds, strict=False)
    ]


def sending(data: bytes) -> Behaviour:
    """A station that has sent ``data`` so far."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type="application/ogg", icy_name="Radio Evening")
        request.wfile.write(data)
        request.wfile.flush()
        request.server.stopping.wait()

    return behave


def placed_by_its_time(row: Row, run: Sequence[Timed]) -> Iterator[Sequence[Placed]]:
    yield [(time * row._unit_ms, data) for time, data in run]


def test_the_song_after_the_one_that_was_tuned_in_to_is_heard(
    server: MediaServer, filling: FillingThreads, media: MediaPool, codec: str
) -> None:
    first, second = songs(codec, 12, 8)
    url = server.serve("/radio", sending(tuned_in(first, 8.0) + second))

    with hearing(server, filling, media, url) as stream:
        heard = drain(stream, filling, limit=500)

        assert len(heard) == 500, "some four seconds of the first song, and more than five of the second"
        assert loudest_hz(decode(heard[-100:])) == pytest.approx(HZ[1], rel=0.01)


def test_a_change_of_volume_in_a_later_song_leaves_nothing_out(
    server: MediaServer, filling: FillingThreads, media: MediaPool, codec: str
) -> None:
    url = server.serve("/radio", sending(b"".join(songs(codec, 10, 4, 16))))

    with hearing(server, filling, media, url) as stream:
        drain(stream, filling, limit=600)  # two seconds into the second song
        await_buffered(stream, filling)
        stream.set_sound(HALF_AS_LOUD)
        await_change(stream, filling)
        heard = drain(stream, filling, limit=400)

        assert len(heard) == 400
        assert loudest_hz(decode(heard[20:80])) == pytest.approx(HZ[1], rel=0.01)
        assert loudest_hz(decode(heard[120:])) == pytest.approx(HZ[2], rel=0.01)


def test_negative_control_by_its_own_time_the_next_song_was_heard_already(
    server: MediaServer, filling: FillingThreads, media: MediaPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Row, "placed", placed_by_its_time)
    first, second = songs(PASSED_THROUGH, 12, 8)
    url = server.serve("/radio", sending(tuned_in(first, 8.0) + second))

    with hearing(server, filling, media, url, looks_a_second=100) as stream:
        assert len(drain(stream, filling, limit=500)) < 250
        assert "stopped sending" in str(stream.failure)


def test_a_file_of_two_songs_is_heard_whole(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, codec: str
) -> None:
    """The second, longer than what may be read in a row without sound, is what FFmpeg looks through for the place."""
    url = server.serve("/both", content(b"".join(songs(codec, 10, 20))))

    stream = source.open(Track(url), position_ms=0)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert len(heard) == pytest.approx(1_500, abs=5)
    assert loudest_hz(decode(heard[550:1_450])) == pytest.approx(HZ[1], rel=0.01)


@pytest.mark.parametrize("seconds", [(10, 20), (20, 10)], ids=["the second longer", "the first longer"])
def test_a_file_of_two_songs_is_gone_on_with_in_the_second(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, codec: str, seconds: tuple[int, int]
) -> None:
    url = server.serve("/both", content(b"".join(songs(codec, *seconds))))

    stream = source.open(Track(url), position_ms=(seconds[0] + 3) * 1_000)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert len(heard) == pytest.approx((seconds[1] - 3) * 50, abs=5)
    assert loudest_hz(decode(heard)) == pytest.approx(HZ[1], rel=0.01)


def test_negative_control_whoever_goes_to_where_the_other_song_begins_loses_that(
    source_here: HttpTrackSource, server: MediaServer, filling: FillingThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demux, "length_ms", lambda sound: math.inf)
    url = server.serve("/both", content(b"".join(songs("vorbis", 10, 20))))

    assert not drain(source_here.open(Track(url), position_ms=13_000), filling)


def test_a_file_that_was_too_costly_at_one_place_can_be_begun_anew(server: MediaServer) -> None:
    with HttpFile(server.serve("/file", content(bytes(100_000))), AddressPolicy(server.allowed)) as file:
        file.in_a_row(50_000)
        with pytest.raises(TrackError):
            list(iter(lambda: file.read(10_000), b""))
        assert file.read(10_000) == b"", "the negative control: after an error there is nothing"

        file.begin_anew()

        assert file.tell() == 0
        assert file.read(10_000)
