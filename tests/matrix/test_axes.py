"""The matrix is as full as it says."""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.matrix import made_files
from tests.matrix.axes import (
    CONTAINERS,
    DEEDS,
    RATES,
    cases,
    covering,
    family,
    pairs_of_file,
    possible_files,
    tuples_with_deed,
)
from tests.matrix.foreign_files import BY_OPUSENC, FILES, FOLDER
from tests.matrix.made_files import Recipe
from tests.matrix.score import HERTZ, MOST_CHANNELS, Score


def test_each_codec_is_tried_with_each_number_of_channels_in_each_action() -> None:
    tried = {(family(case.recipe.codec), case.recipe.channels, case.deed) for case in cases()}
    tried |= {("opus", len(file.score.speakers), deed) for file in FILES if file.name in BY_OPUSENC for deed in DEEDS}
    wide = ("opus", "vorbis", "aac", "flac", "alac", "pcm")
    assert tried >= set(product(wide, range(1, MOST_CHANNELS + 1), DEEDS))
    assert tried >= set(product(("mp3", "mp2"), (1, 2), DEEDS))


def test_each_pair_that_fits_together_is_tried() -> None:
    tried = {pair for case in cases() for pair in (*pairs_of_file(case.recipe), *tuples_with_deed(case))}
    assert tried.issuperset(pair for recipe in possible_files() for pair in pairs_of_file(recipe))
    assert tried >= {(value, deed) for value in (*CONTAINERS, *RATES) for deed in DEEDS}


def test_a_case_too_few_is_found_out() -> None:
    """The negative control: each case of a covering is there for something that no other one covers at its turn."""
    candidates = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)]

    def pairs(one: tuple[int, ...]) -> list[object]:
        return [(at, one[at], other, one[other]) for at in range(3) for other in range(at)]

    chosen = covering(candidates, lambda one: iter(pairs(one)))
    wanted = {pair for one in candidates for pair in pairs(one)}
    assert {pair for one in chosen for pair in pairs(one)} == wanted
    assert {pair for one in chosen[:-1] for pair in pairs(one)} != wanted
    assert len(chosen) < len(candidates) / 2


@pytest.mark.parametrize(("layout", "opusenc"), list(zip(("5.0", "6.1"), BY_OPUSENC, strict=True)))
def test_ffmpeg_still_exchanges_channels_where_opusenc_does_not(layout: str, opusenc: str) -> None:
    """When it does no longer, that goes into the matrix of made files."""
    score = Score(layout)
    made = made_files.kept_at(Recipe("ogg", "opus", layout, HERTZ))
    assert _centre_as_ffmpeg_hears_it(made, len(score.speakers)) != score.hz(2, 0)
    assert _centre_as_ffmpeg_hears_it(FOLDER / opusenc, len(score.speakers)) == score.hz(2, 0)


def _centre_as_ffmpeg_hears_it(path: Path, channels: int) -> int:
    decode = [made_files.ffmpeg(), "-v", "error", "-i", str(path), "-f", "f32le", "pipe:1"]
    samples = np.frombuffer(subprocess.run(decode, capture_output=True, check=True).stdout, np.float32)
    middle = samples.reshape(-1, channels)[HERTZ // 10 : HERTZ // 10 * 4, 2]
    return int(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle)), n=HERTZ))))
