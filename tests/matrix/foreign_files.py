"""What is in the committed files, which encoders other than FFmpeg made: see ``files/README.md``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.matrix.judge import Tolerance
from tests.matrix.score import Score
from tests.matrix.wave import STEP_SECONDS

FOLDER: Final = Path(__file__).parent / "files"
MOST_BYTES: Final = 3_000_000
"""Of all of them together: who clones the project fetches them."""

_AS_TOLD: Final = Tolerance(level_db=1.5, peak_db=6.0)


def _untold(samples: int, rate: int) -> Tolerance:
    """For a file that does not say how much silence is before and behind the song: up to ``samples`` on each side."""
    return Tolerance(level_db=1.5, peak_db=6.0, late_s=samples / rate, longer_s=2 * samples / rate)


@dataclass(frozen=True)
class ForeignFile:
    name: str
    layout: str
    tolerance: Tolerance = _AS_TOLD

    @property
    def score(self) -> Score:
        return Score(self.layout, STEP_SECONDS)

    @property
    def data(self) -> bytes:
        return (FOLDER / self.name).read_bytes()

    def __str__(self) -> str:
        return self.name


FILES: Final = (
    ForeignFile("opusenc-1.opus", "mono"),
    ForeignFile("opusenc-2.opus", "stereo"),
    ForeignFile("opusenc-3.opus", "3.0"),
    ForeignFile("opusenc-4.opus", "quad"),
    ForeignFile("opusenc-5.opus", "5.0"),
    ForeignFile("opusenc-6.opus", "5.1"),
    ForeignFile("opusenc-7.opus", "6.1"),
    ForeignFile("opusenc-8.opus", "7.1"),
    ForeignFile("opusenc-60ms.opus", "stereo"),
    ForeignFile("opusenc-2.5ms.opus", "stereo"),
    ForeignFile("opusenc-8khz.opus", "mono"),
    ForeignFile("opusenc-44khz.opus", "mono"),
    ForeignFile("oggenc-1-8khz.ogg", "mono"),
    ForeignFile("oggenc-2.ogg", "stereo"),
    ForeignFile("oggenc-3.ogg", "3.0"),
    ForeignFile("oggenc-6.ogg", "5.1"),
    ForeignFile("oggenc-8-22khz.ogg", "7.1"),
    ForeignFile("lame-cbr.mp3", "stereo"),
    ForeignFile("lame-vbr.mp3", "stereo"),
    ForeignFile("lame-no-head-22khz.mp3", "mono", _untold(1_152, 22_050)),
    ForeignFile("lame-8khz.mp3", "mono"),
    ForeignFile("flac-2.flac", "stereo"),
    ForeignFile("flac-6-8khz.flac", "5.1"),
    ForeignFile("flac-2.oga", "stereo"),
    ForeignFile("mkvmerge-opus.webm", "stereo"),
    ForeignFile("mkvmerge-opus-6.mka", "5.1"),
    ForeignFile("mkvmerge-vorbis.mka", "stereo"),
    ForeignFile("mkvmerge-mp3.mka", "stereo", _untold(1_152, 44_100)),
    ForeignFile("mkvmerge-flac.mka", "stereo"),
    ForeignFile("mkvmerge-late-clock.mka", "stereo"),
    ForeignFile("gst-opus.webm", "stereo"),
    ForeignFile("gst-opus.ogg", "stereo"),
    ForeignFile("gst-vorbis.mka", "stereo"),
    ForeignFile("gst-aac.m4a", "stereo", _untold(2_048, 44_100)),
    ForeignFile("gst-aac-fragments.mp4", "stereo", _untold(2_048, 48_000)),
    ForeignFile("gst-aac.aac", "stereo", _untold(2_048, 32_000)),
    ForeignFile("gst-aac.mov", "stereo", _untold(2_048, 44_100)),
    ForeignFile("gst-flac.flac", "mono"),
    ForeignFile("gst-lame.mp3", "stereo", _untold(1_152, 44_100)),
    ForeignFile("gst-twolame.mp2", "stereo", _untold(1_152, 44_100)),
    ForeignFile("gst-alaw.wav", "stereo"),
    ForeignFile("gst.aiff", "mono"),
)

BY_OPUSENC: Final = ("opusenc-5.opus", "opusenc-7.opus")
"""What FFmpeg's encoder cannot make (``axes.py``), so that these are tried in every action."""

RARE: Final = (
    ForeignFile("wavpack.wv", "mono"),
    ForeignFile("gst-speex.ogg", "mono", Tolerance(level_db=12.0, peak_db=12.0, late_s=0.05, longer_s=0.05)),
)
"""Nobody is promised that these play. Speex is for voices: it hears tones, but not how loud they are."""
