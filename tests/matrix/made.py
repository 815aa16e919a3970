"""The cases of the matrix over made files, shared out among modules and so among workers."""

from __future__ import annotations

from typing import Final

import pytest

from tests.matrix import made_files
from tests.matrix.axes import EVERYTHING, Case, cases, family
from tests.matrix.judge import Tolerance
from tests.matrix.made_files import Recipe

_PRIMING: Final = {"aac": 1_024, "mp3": 1_105, "mp2": 481}
"""Samples of silence that an encoder puts before the song: what a file does not say, nobody can leave out."""
_FRAME: Final = {"aac": 1_024, "mp3": 1_152, "mp2": 1_152}
"""Samples that it fills up at the end."""

_LOSSY: Final = ("opus", "vorbis", *_PRIMING)


def of(*families: str) -> pytest.MarkDecorator:
    """The cases of these codecs, as arguments named ``case``."""
    chosen = [case for case in cases() if family(case.recipe.codec) in families]
    return pytest.mark.parametrize("case", chosen, ids=str)


def file_of(case: Case) -> bytes:
    return made_files.made(case.recipe) if EVERYTHING else made_files.kept(case.recipe)


def tolerance_of(recipe: Recipe) -> Tolerance:
    late = _PRIMING.get(recipe.codec, 0) / recipe.rate
    longer = late + _FRAME.get(recipe.codec, 0) / recipe.rate
    if recipe.codec not in _LOSSY:
        return Tolerance(late_s=late, longer_s=longer)
    # FFmpeg's AAC is 1.1 dB louder where a song begins, and has peaks 5 dB higher where a tone does.
    return Tolerance(late_s=late, longer_s=longer, level_db=1.5, peak_db=6.0)
