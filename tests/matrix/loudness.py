"""How loud a score is, computed and not measured.

Source: ITU-R BS.1770-5, annex 1: the two filters for 48 kHz, and the sum over both sides. Its gates leave all of it in.
"""

from __future__ import annotations

import cmath
import math
from typing import Final

import numpy as np

from tests.matrix.score import HERTZ, MIX, STEPS, Score

_SHELF: Final = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


def lufs(score: Score) -> float:
    power = 0.0
    for step in range(STEPS):
        for tone in score.heard(step):
            power += (tone.left**2 + tone.right**2) / 2 * _weight(tone.hz) / STEPS
    return -0.691 + 10 * math.log10(power)


def peak_db(score: Score) -> float:
    """The highest sample of either side, in dB of full scale."""
    mixes = [(1.0, 1.0)] if score.layout == "mono" else [MIX[speaker] for speaker in score.speakers]
    sides = score.channels(HERTZ) @ np.array(mixes, dtype=np.float32)
    return float(20 * np.log10(np.abs(sides).max()))


def _weight(hz: float) -> float:
    """What the filters make of the power at ``hz``."""
    back = cmath.exp(-2j * math.pi * hz / HERTZ)
    gain = 1.0
    for over, under in (_SHELF, _HIGH_PASS):
        gain *= abs(_polynomial(over, back) / _polynomial(under, back)) ** 2
    return gain


def _polynomial(factors: tuple[float, ...], at: complex) -> complex:
    return sum((factor * at**power for power, factor in enumerate(factors)), 0j)
