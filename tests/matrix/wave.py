"""``python -m tests.matrix.wave LAYOUT RATE FILE``: a score as a WAV file of 16 bits, for encoders to encode.

With the place of each channel in its head (WAVE_FORMAT_EXTENSIBLE). Source: Microsoft, Multiple channel audio data and
WAVE files.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Final

import numpy as np

from tests.matrix.score import LAYOUTS, Score

STEP_SECONDS: Final = 1.0
_BITS: Final = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR")
_PCM: Final = bytes.fromhex("0100000000001000800000aa00389b71")


def wave(layout: str, rate: int) -> bytes:
    samples = np.round(Score(layout, STEP_SECONDS).channels(rate) * 32_767).astype("<i2").tobytes()
    channels = len(LAYOUTS[layout])
    mask = sum(1 << _BITS.index(speaker) for speaker in LAYOUTS[layout])
    kind = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * channels * 2, channels * 2, 16)
    kind += struct.pack("<HHI", 22, 16, mask) + _PCM
    chunks = b"fmt " + struct.pack("<I", len(kind)) + kind + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


if __name__ == "__main__":
    _, layout_, rate_, file = sys.argv
    Path(file).write_bytes(wave(layout_, int(rate_)))
