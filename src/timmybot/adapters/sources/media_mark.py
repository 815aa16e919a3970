"""What a media child and the worker tell each other in memory that they share."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

MARK: Final = struct.Struct("<II")
"""The number of the stream at work, 0 for none; and a count that rises with each step of the work."""

SIBLINGS: Final = struct.Struct("<16I")
"""Process ids of the worker's other children, filled up with 0. The worker's to write."""
SIBLINGS_AT: Final = 64

MARK_BYTES: Final = 4_096


def packed_siblings(process_ids: Sequence[int]) -> bytes:
    most = SIBLINGS.size // 4
    return SIBLINGS.pack(*process_ids[:most], *[0] * (most - len(process_ids)))
