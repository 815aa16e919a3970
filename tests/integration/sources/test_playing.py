"""What comes out of a file on the web: the right sound, from the right place."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sandbox.melody import Melody
from sandbox.recording import Format, opus_packets
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain, share_of
from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.packets import is_frame
from timmybot.domain.track import Track

PASSED_THROUGH = [Format.WEBM_OPUS, Format.OGG_OPUS]
TRANSCODED = [Format.MP3, Format.AAC, Format.M4A]


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
async def test_a_file_is_known_by_title_and_duration(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded, format: Format, ranges: bool
) -> None:
    url = server.serve(f"/tune{format.suffix}", content(recorded(format), ranges=ranges))

    track = await source.resolve(url)

    assert track.url == url
    assert track.title == ("tune" if format is Format.AAC else "evening")  # ADTS carries no metadata
    assert track.duration_ms is not None
    assert track.duration_ms == pytest.approx(16_000, abs=200)


@pytest.mark.parametrize("format", PASSED_THROUGH)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
@pytest.mark.parametrize("position_ms", [0, 20, 100, 7_000, 11_335])
def test_opus_in_frames_of_20_ms_is_passed_through_byte_by_byte(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    recorded: Recorded,
    tmp_path: Path,
    format: Format,
    ranges: bool,
    position_ms: int,
) -> None:
    url = server.serve("/tune", content(recorded(format), ranges=ranges))
    file = tmp_path / "tune"
    file.write_bytes(recorded(format))

    heard = drain(source.open(Track(url), position_ms=position_ms), filling)

    assert heard == list(opus_packets(file))[position_ms // 20 :]


@pytest.mark.parametrize("format", TRANSCODED)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
@pytest.mark.parametrize("position_ms", [0, 6_400])
def test_other_sound_is_transcoded_to_frames_of_the_same_tones(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    recorded: Recorded,
    melody: Melody,
    format: Format,
    ranges: bool,
    position_ms: int,
) -> None:
    url = server.serve("/tune", content(recorded(format), ranges=ranges))

    stream = source.open(Track(url), position_ms=position_ms)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert all(is_frame(frame) for frame in heard)
    assert len(heard) * 20 == pytest.approx(16_000 - position_ms, abs=100)
    assert share_of(melody, heard, from_ms=position_ms) >= 0.95


def test_the_check_of_tones_would_notice_a_wrong_place(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded, melody: Melody
) -> None:
    url = server.serve("/tune", content(recorded(Format.MP3)))

    heard = drain(source.open(Track(url), position_ms=6_400), filling)

    assert share_of(melody, heard, from_ms=6_000) < 0.3


@pytest.mark.parametrize("frame_duration", ["10", "40", "60"])
def test_opus_in_other_frames_is_brought_to_20_ms(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, melody: Melody, frame_duration: str
) -> None:
    data = encoded(melody.pcm(), "libopus", "ogg", "flt", {"frame_duration": frame_duration})
    url = server.serve("/tune.opus", content(data))

    heard = drain(source.open(Track(url), position_ms=6_400), filling)

    assert all(is_frame(frame) for frame in heard)
    assert share_of(melody, heard, from_ms=6_400) >= 0.95


@pytest.mark.parametrize(
    ("codec", "container", "sample_format", "rate", "layout"),
    [
        ("flac", "flac", "s16", 48_000, "stereo"),
        ("pcm_s16le", "wav", "s16", 48_000, "stereo"),
        ("pcm_s16le", "wav", "s16", 48_000, "mono"),
    ],
)
def test_lossless_files_play(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    melody: Melody,
    codec: str,
    container: str,
    sample_format: str,
    rate: int,
    layout: str,
) -> None:
    pcm = melody.pcm() if layout == "stereo" else melody.pcm()[:1]
    url = server.serve("/tune", content(encoded(pcm, codec, container, sample_format, {})))

    heard = drain(source.open(Track(url), position_ms=3_200), filling)

    assert share_of(melody, heard, from_ms=3_200) >= 0.95


def test_a_file_that_changes_from_mono_to_stereo_plays_on(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, melody: Melody
) -> None:
    mono = encoded(melody.pcm()[:1], "libmp3lame", "mp3", "fltp", {})
    stereo = encoded(melody.pcm(), "libmp3lame", "mp3", "fltp", {})
    url = server.serve("/both.mp3", content(mono + stereo))

    stream = source.open(Track(url), position_ms=0)
    heard = drain(stream, filling)

    assert stream.failure is None
    assert len(heard) * 20 == pytest.approx(32_000, abs=200)
    assert share_of(melody, heard[:799], from_ms=0) >= 0.95


def encoded(
    pcm: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    codec: str,
    container: str,
    sample_format: str,
    options: dict[str, str],
) -> bytes:
    """Samples of shape (channels, samples) as a file."""
    out = io.BytesIO()
    packed = pcm if sample_format.endswith("p") else pcm.T.reshape(1, -1)
    if sample_format == "s16":
        packed = (packed * 32_767).astype(np.int16)
    with av.open(out, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000, options=options)
        assert isinstance(stream, av.AudioStream)
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[pcm.shape[0]]
        stream.layout = layout
        stream.codec_context.format = av.AudioFormat(sample_format)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format=sample_format, layout=layout)
        frame.sample_rate = 48_000
        frame.pts = 0
        fifo = av.AudioFifo()
        fifo.write(frame)
        place = 0
        while piece := fifo.read(4_800, partial=True):
            piece.pts, piece.time_base, place = place, Fraction(1, 48_000), place + piece.samples
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return out.getvalue()
