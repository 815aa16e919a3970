"""PCM files that list their channels in an order of their own, as Apple's and others' programs write them."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

HERTZ: Final = 48_000
FL, FR, FC, LFE, SL, SR = 1, 2, 3, 4, 5, 6
BL, BR = 33, 34
"""Labels. Source: Apple, Core Audio Data Types, ``AudioChannelLabel``."""

APPLE_TAGS: Final = {
    "MPEG 3.0 B": (113 << 16 | 3, 3),
    "MPEG 3.0 B, centre first": (114 << 16 | 3, 3),
    "MPEG 5.1 B": (122 << 16 | 6, 6),
    "MPEG 5.1 C": (123 << 16 | 6, 6),
    "MPEG 5.1 D, as AAC": (124 << 16 | 6, 6),
    "MPEG 7.1 C, as FFmpeg writes 7.1": (128 << 16 | 8, 8),
}
"""Layout tags and how many channels they have."""


def pcm(tones: Sequence[float], seconds: float) -> bytes:
    """16 bits, big endian; 0 Hz is silence."""
    frames = range(int(seconds * HERTZ))
    waves = [[int(6_000 * math.sin(2 * math.pi * hz * n / HERTZ)) for n in frames] for hz in tones]
    return b"".join(struct.pack(">h", each) for row in zip(*waves, strict=True) for each in row)


def caf(labels: Sequence[int], tones: Sequence[float], seconds: float = 1.5, *, tag: int = 0) -> bytes:
    """``labels`` one a channel, or a ``tag`` for all of them."""
    count = len(tones)
    desc = struct.pack(">d4sIIIII", float(HERTZ), b"lpcm", 0, 2 * count, 1, count, 16)
    described = b"".join(struct.pack(">II12x", label, 0) for label in labels)
    chan = struct.pack(">III", tag, 0, len(labels)) + described
    data = bytes(4) + pcm(tones, seconds)
    chunks = ((b"desc", desc), (b"chan", chan), (b"data", data))
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">Q", len(body)) + body for name, body in chunks)


def aiff(tag: int, tones: Sequence[float], seconds: float = 1.5) -> bytes:
    count, frames = len(tones), int(seconds * HERTZ)
    comm = struct.pack(">HIH", count, frames, 16) + bytes.fromhex("400ebb80000000000000")
    ssnd = bytes(8) + pcm(tones, seconds)
    chan = struct.pack(">III", tag, 0, 0)
    chunks = ((b"COMM", comm), (b"CHAN", chan), (b"SSND", ssnd))
    body = b"AIFF" + b"".join(name + struct.pack(">I", len(each)) + each for name, each in chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body
