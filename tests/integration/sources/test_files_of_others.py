"""Files of other encoders, each of a kind that once failed: heard from their beginning to their end."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import HERTZ, decode, drain, loudest_hz
from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.children.media import containers
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.track import Track
from timmybot.ports.track_source import Sound, TrackError

FILES = Path(__file__).parent / "files"
SECONDS = {
    "film_six_tracks.mkv": 4,
    "film_six_sounds.mp4": 2,
    "film_longer_than_its_sound.mkv": 4,
    "five_pictures.flac": 2,
    "five_pictures.mp3": 4,
    "five_pictures.m4a": 4,
    "fragments.m4a": 4,
    "fragments_indexed.m4a": 4,
    "fragments_bare.m4a": 4,
    "fragments_film.mp4": 4,
    "late.webm": 4,
    "late.mkv": 4,
    "late.opus": 4,
    "untold.webm": 4,
    "untold.mkv": 2,
    "untold.flac": 2,
    "untold.mp3": 8,
    "other.wv": 2,
    "other.tta": 2,
    "other.wma": 2,
    "other.au": 2,
    "other.ac3": 2,
    "other.spx": 2,
}
"""How long is heard. In second n a tone of 300 + 20 n Hz; ``untold.mp3`` is silent for four seconds before that."""
SILENT_SECONDS = {"untold.mp3": 4}
INDEX_AT_ITS_END = "does not let me go to a place in the file. Try another link."


def hz_of(second: int) -> float:
    return 300.0 + 20.0 * second


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
@pytest.mark.parametrize("volume_percent", [100, 50])
async def test_all_of_it_is_heard_and_its_length_is_told(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    name: str,
    ranges: bool,
    volume_percent: int,
) -> None:
    seconds, silent = SECONDS[name], SILENT_SECONDS.get(name, 0)
    url = server.serve("/tune", content((FILES / name).read_bytes(), ranges=ranges))

    track = await source.resolve(url)
    stream = source.open(Track(url), position_ms=0, sound=Sound(volume_percent=volume_percent))
    heard = drain(stream, filling)

    assert stream.failure is None
    assert track.title == "tune", "a track's name is not the file's"
    assert len(heard) * 20 == pytest.approx(seconds * 1000, abs=120)
    assert track.duration_ms == pytest.approx(seconds * 1000, abs=120)
    sound = decode(heard)
    for second in range(silent, seconds):
        part = sound[int((second + 0.25) * HERTZ) : int((second + 0.75) * HERTZ)]
        assert loudest_hz(part) == pytest.approx(hz_of(second - silent), abs=4), f"in second {second}"


@pytest.mark.parametrize("name", [name for name, seconds in SECONDS.items() if seconds == 4])
def test_it_is_heard_from_a_place_in_it(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, name: str
) -> None:
    url = server.serve("/tune", content((FILES / name).read_bytes()))

    stream = source.open(Track(url), position_ms=2_000)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert len(heard) * 20 == pytest.approx(2_000, abs=120)
    assert loudest_hz(decode(heard)[HERTZ // 4 : HERTZ * 3 // 4]) == pytest.approx(hz_of(2), abs=4)


def long_in_fragments(m4a: bytes, mib: int) -> tuple[bytes, float]:
    """The same sound over and over, with an index every two seconds and a table of them at the end; and its seconds."""
    made = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "2000000"}
    with av.open(io.BytesIO(m4a), "r") as source, av.open(made, "w", format="mp4", options=options) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        packets = [(bytes(packet), packet.duration) for packet in source.demux(source.streams.audio[0]) if packet.size]
        time_base, place = source.streams.audio[0].time_base, 0
        assert time_base is not None
        while made.tell() < mib * 1024**2:
            for data, duration in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, time_base
                packet.pts = packet.dts = place
                packet.duration = duration or 1_024
                packet.is_keyframe = True
                place += packet.duration
                output.mux(packet)
    return made.getvalue(), float(place * time_base)


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
async def test_a_long_file_in_fragments_is_looked_at_with_few_requests(
    *, source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded, ranges: bool
) -> None:
    data, seconds = long_in_fragments(recorded(Format.M4A), 26)
    url = server.serve("/tune.m4a", content(data, ranges=ranges))

    track = await source.resolve(url)
    looked = len(server.requests)
    stream = source.open(Track(url), position_ms=0)
    heard = drain(stream, filling, 150)
    stream.close()

    assert len(heard) == 150
    assert looked <= 6
    assert len(server.requests) <= 2 * looked
    if ranges:
        assert track.duration_ms == pytest.approx(seconds * 1000, abs=50)


@pytest.mark.parametrize("size", ["unknown", "large"])
async def test_an_index_at_the_end_that_cannot_be_gone_to_is_told_as_that(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded, size: str
) -> None:
    m4a = recorded(Format.M4A)
    assert m4a.index(b"mdat") < m4a.index(b"moov")
    if size == "large":
        begin = m4a.index(b"mdat") - 4
        free = 33 * 1024**2
        m4a = m4a[:begin] + free.to_bytes(4, "big") + b"free" + bytes(free - 8) + m4a[begin:]

    def without_length(request: object) -> None:
        request.begin(200, Content_Type="audio/mp4")  # type: ignore[attr-defined]
        request.wfile.write(m4a)  # type: ignore[attr-defined]

    behaviour = content(m4a, ranges=False) if size == "large" else without_length
    with pytest.raises(TrackError, match=INDEX_AT_ITS_END):
        await source.resolve(server.serve("/tune.m4a", behaviour))


@pytest.mark.parametrize("begin", containers._OTHERS)
async def test_a_file_of_another_format_is_told_as_that(
    source: HttpTrackSource, server: MediaServer, begin: bytes
) -> None:
    url = server.serve("/tune", content(begin + bytes(range(256)) * 200))

    with pytest.raises(TrackError, match="in a format that I do not know"):
        await source.resolve(url)
