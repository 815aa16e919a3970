"""Files made by an encoder that is not the one that reads them: FFmpeg as imageio-ffmpeg brings it, a build of its own.

Kept under ``build/matrix`` by what they are made from, so that they are made once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from tests.matrix.score import Score

KEPT_IN: Final = Path(__file__).parents[2] / "build" / "matrix"

_ENCODERS: Final = {"opus": "libopus", "vorbis": "libvorbis", "mp3": "libmp3lame"}
_MUXERS: Final = {
    "mka": ("matroska",),
    "webm": ("webm",),
    "ogg": ("ogg",),
    "mp3": ("mp3",),
    "mp2": ("mp2",),
    "aac": ("adts",),
    "mov": ("mov",),
    "mp4": ("mp4", "-movflags", "+faststart"),
    "m4a": ("ipod",),  # its index stands at the end
    "fmp4": ("mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "400000"),
    "flac": ("flac",),
    "wav": ("wav",),
    "w64": ("w64",),
    "aiff": ("aiff",),
    "caf": ("caf",),
}
"""FFmpeg's name of a container, and how to write it."""


@dataclass(frozen=True)
class Recipe:
    """What a file holds, and in what."""

    container: str
    codec: str
    layout: str
    rate: int

    @property
    def score(self) -> Score:
        return Score(self.layout)

    @property
    def channels(self) -> int:
        return len(self.score.speakers)

    def __str__(self) -> str:
        return f"{self.container}-{self.codec}-{self.channels}ch-{self.rate}"

    @property
    def arguments(self) -> list[str]:
        """Of FFmpeg, which gets the samples by stdin; the output's name is to follow."""
        put_in = ["-f", "f32le", "-ar", str(self.rate), "-ch_layout", self.layout, "-i", "pipe:0"]
        codec = ["-c:a", _ENCODERS.get(self.codec, self.codec), "-strict", "-2"]
        return ["-v", "error", "-y", *put_in, *codec, "-f", *_MUXERS[self.container]]


@cache
def ffmpeg() -> str:
    """Where it is."""
    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path


def kept(recipe: Recipe) -> bytes:
    """The file of a recipe."""
    return kept_at(recipe).read_bytes()


@cache
def kept_at(recipe: Recipe) -> Path:
    """Where it is; made if it is not there."""
    samples = recipe.score.channels(recipe.rate).tobytes()
    made_from = hashlib.sha256(samples)
    made_from.update("\0".join((Path(ffmpeg()).name, *recipe.arguments)).encode())
    path = KEPT_IN / f"{recipe}-{made_from.hexdigest()[:16]}"
    if not path.exists():
        KEPT_IN.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        _make(recipe.arguments, samples, beside)
        beside.replace(path)
    return path


@lru_cache(maxsize=2)
def made(recipe: Recipe) -> bytes:
    """The same, kept only while it is needed: all of them together would fill a disk."""
    path = KEPT_IN / f"passing.{os.getpid()}"
    KEPT_IN.mkdir(parents=True, exist_ok=True)
    try:
        _make(recipe.arguments, recipe.score.channels(recipe.rate).tobytes(), path)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def _make(arguments: list[str], samples: bytes, path: Path) -> None:
    subprocess.run([ffmpeg(), *arguments, str(path)], input=samples, check=True)
