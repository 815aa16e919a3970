"""The matrix: which containers, codecs, channels, rates and actions there are, and which combinations are tried.

Each pair of values of any two axes is tried together at least once, and each codec with each number of channels in each
action (the many kinds of PCM count as one codec there). ``MATRIX=all`` tries everything that fits together.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Final, TypeVar

from tests.matrix.listening import ACTIONS
from tests.matrix.made_files import Recipe

EVERYTHING: Final = os.environ.get("MATRIX") == "all"

DEEDS: Final = (*ACTIONS, "measure")

_PCM_LE: Final = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")
_PCM_BE: Final = ("pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be", "pcm_alaw", "pcm_mulaw")
CONTAINERS: Final[dict[str, tuple[str, ...]]] = {
    "mka": ("opus", "vorbis", "mp3", "mp2", "aac", "flac", "alac", "pcm_s16be", *_PCM_LE),
    "webm": ("opus", "vorbis"),
    "ogg": ("opus", "vorbis", "flac"),
    "mp3": ("mp3",),
    "mp2": ("mp2",),
    "aac": ("aac",),
    "mov": ("mp3", "aac", "alac", *dict.fromkeys((*_PCM_LE, *_PCM_BE))),
    "mp4": ("opus", "mp3", "aac", "flac", "alac"),
    "m4a": ("aac", "alac"),
    "fmp4": ("opus", "aac", "flac", "alac"),
    "flac": ("flac",),
    "wav": ("mp3", *_PCM_LE),
    "w64": _PCM_LE,
    "aiff": ("pcm_s16le", *_PCM_BE),
    "caf": ("alac", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", *_PCM_BE),
}
"""What people put into each."""

RATES: Final = (48_000, 44_100, 8_000, 11_025, 16_000, 22_050, 32_000, 96_000, 192_000)
_RATES_OF: Final = {
    "opus": (48_000, 8_000, 16_000),
    "mp3": RATES[:7],
    "mp2": (48_000, 44_100, 16_000, 22_050, 32_000),
    "aac": RATES[:8],
}

_LAYOUTS: Final = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""By their number of channels."""
_LAYOUTS_OF: Final = {
    "opus": ("mono", "stereo", "3.0", "quad", "5.1", "7.1"),
    "mp3": _LAYOUTS[:2],
    "mp2": _LAYOUTS[:2],
    "aac": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1(wide)"),
    "alac": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1(wide)"),
}
"""What the encoder writes as it is. Of Opus it exchanges channels if there are 5 or 7: those files are opusenc's, and
``test_axes.py`` looks whether they still have to be."""
_LAYOUTS_UNTOLD: Final = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""What is usual where a file does not say it, as Matroska does not of plain samples."""


@dataclass(frozen=True)
class Case:
    recipe: Recipe
    deed: str

    def __str__(self) -> str:
        return f"{self.recipe}-{self.deed}"


_SHORTENED: Final = {("aac", "aac"): 6}
"""The most channels that a codec is tried with in a container. Of eight in ADTS nobody is told where they stand: FFmpeg
itself takes two of them for others after a seek."""


def family(codec: str) -> str:
    return "pcm" if codec.startswith("pcm") else codec


def possible_files() -> Iterator[Recipe]:
    """Every combination that fits together."""
    for container, codecs in CONTAINERS.items():
        for codec in codecs:
            untold = container == "mka" and family(codec) == "pcm"
            layouts = _LAYOUTS_UNTOLD if untold else _LAYOUTS_OF.get(codec, _LAYOUTS)
            layouts = layouts[: _SHORTENED.get((container, codec))]
            for layout, rate in product(layouts, _RATES_OF.get(codec, RATES)):
                yield Recipe(container, codec, layout, rate)


def pairs_of_file(recipe: Recipe) -> Iterator[Hashable]:
    values = (
        ("in", recipe.container),
        ("codec", recipe.codec),
        ("channels", recipe.channels),
        ("rate", recipe.rate),
    )
    return combinations(values, 2)


def tuples_with_deed(case: Case) -> Iterator[Hashable]:
    recipe = case.recipe
    yield recipe
    yield family(recipe.codec), recipe.channels, case.deed
    yield from ((value, case.deed) for value in (recipe.container, recipe.codec, recipe.rate))


@cache
def cases() -> tuple[Case, ...]:
    """What is tried, file by file."""
    possible = list(possible_files())
    if EVERYTHING:
        return tuple(Case(recipe, deed) for recipe in possible for deed in DEEDS)
    files = covering(possible, pairs_of_file)
    chosen = covering([Case(recipe, deed) for recipe in files for deed in DEEDS], tuples_with_deed)
    return tuple(sorted(chosen, key=str))


T = TypeVar("T")


def covering(candidates: Sequence[T], covers: Callable[[T], Iterator[Hashable]]) -> list[T]:
    """Few candidates that cover together what all of them do: each time the one that adds most."""
    missing = {one for candidate in candidates for one in covers(candidate)}
    # What a candidate adds only ever falls, so an old figure is an upper bound.
    waiting = [(-len(list(covers(candidate))), at) for at, candidate in enumerate(candidates)]
    heapq.heapify(waiting)
    chosen: list[T] = []
    while missing:
        bound, at = heapq.heappop(waiting)
        adds = missing.intersection(covers(candidates[at]))
        if not adds:
            continue
        if len(adds) < -bound:
            heapq.heappush(waiting, (-len(adds), at))
            continue
        missing -= adds
        chosen.append(candidates[at])
    return chosen
