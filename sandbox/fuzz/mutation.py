"""Bytes made out of others."""

from __future__ import annotations

from random import Random
from typing import Final

_TELLING: Final = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
LONGEST: Final = 1 << 16


def mutated(data: bytes, other: bytes, dice: Random) -> bytes:
    """``data`` with a few things done to it, among them pieces of ``other``. Never longer than ``LONGEST``."""
    result = bytearray(data)
    for _ in range(1 << dice.randrange(4)):
        begin = dice.randrange(len(result) + 1)
        end = min(len(result), begin + (1 << dice.randrange(9)))
        match dice.randrange(7):
            case 0 if begin < len(result):
                result[begin] ^= 1 << dice.randrange(8)
            case 1 if begin < len(result):
                result[begin] = dice.choice(_TELLING)
            case 2:
                del result[begin:end]
            case 3:
                result[begin:begin] = result[begin:end]
            case 4:
                there = dice.randrange(len(other) + 1)
                result[begin:end] = other[there : there + (end - begin)]
            case 5:
                result[begin:end] = dice.randbytes(end - begin)
            case _ if dice.randrange(8) == 0:
                del result[begin:]
    return bytes(result[:LONGEST])
