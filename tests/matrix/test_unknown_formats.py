"""What is in a format that nobody is promised: it plays as it should, or one sentence says that it is not known."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from typing import Final

import pytest

from tests.integration.sources.media_server import MediaServer, content
from tests.matrix import made_files
from tests.matrix.axes import DEEDS
from tests.matrix.foreign_files import RARE
from tests.matrix.judge import Tolerance
from tests.matrix.listening import frames_of
from tests.matrix.made_files import Recipe
from tests.matrix.score import Score
from tests.matrix.trying import tried
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError, TrackSource

SENTENCE: Final = "in a format that I do not know"
FORMATS: Final = {
    "AC-3": ("ac3", "ac3"),
    "AC-3 in MP4": ("ac3", "mp4"),
    "E-AC-3 in Matroska": ("eac3", "matroska"),
    "DTS": ("dca", "dts"),
    "TrueHD": ("truehd", "truehd"),
    "TTA": ("tta", "tta"),
    "TTA in Matroska": ("tta", "matroska"),
    "WavPack": ("wavpack", "wv"),
    "WavPack in Matroska": ("wavpack", "matroska"),
    "WMA": ("wmav2", "asf"),
    "AU": ("pcm_s16be", "au"),
    "ADPCM in WAV": ("adpcm_ms", "wav"),
    "AC-3 in RealMedia": ("ac3", "rm"),
}
"""An encoder and a container of FFmpeg's."""
SOURCE: Final = Recipe("wav", "pcm_s16le", "stereo", 48_000)
TOLERANCE: Final = Tolerance(late_s=0.05, longer_s=0.1, level_db=1.5, peak_db=6.0)

Rare = tuple[Callable[[], bytes], Score, Tolerance]
CASES: Final[dict[str, Rare]] = {
    **{name: (lambda name=name: made(*FORMATS[name]), SOURCE.score, TOLERANCE) for name in FORMATS},  # type: ignore[misc]
    **{file.name: (lambda file=file: file.data, file.score, file.tolerance) for file in RARE},  # type: ignore[misc]
}


def made(codec: str, container: str) -> bytes:
    in_pieces = ["-movflags", "frag_keyframe+delay_moov"] if container == "mp4" else []
    encode = ["-c:a", codec, "-strict", "-2", *in_pieces, "-f", container, "pipe:1"]
    command = [made_files.ffmpeg(), "-v", "error", "-i", str(made_files.kept_at(SOURCE)), *encode]
    data: bytes = subprocess.run(command, capture_output=True, check=True).stdout
    return data


@pytest.mark.parametrize("name", CASES)
def test_it_plays_or_is_said_not_to_be_known(name: str, server: MediaServer, source: TrackSource) -> None:
    make, score, tolerance = CASES[name]
    data = make()
    track = Track(server.serve("/rare", content(data)))
    try:
        asyncio.run(source.resolve(track.url))
    except TrackError as refused:
        answer = str(refused)
    else:
        for deed in DEEDS:
            assert tried(server, source, data, score=score, deed=deed, tolerance=tolerance) == [], deed
        return
    assert SENTENCE in answer
    with pytest.raises(TrackError, match=SENTENCE):
        asyncio.run(source.measure(track))
    stream = source.open(track, position_ms=0)
    heard = frames_of(stream)
    stream.close()
    assert heard == []
    assert SENTENCE in str(stream.failure)
