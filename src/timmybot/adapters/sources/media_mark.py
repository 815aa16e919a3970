"""Whom a media child works for, in memory that it shares with the worker."""

from __future__ import annotations

import struct
from typing import Final

MARK: Final = struct.Struct("<II")
"""The number of the stream at work, 0 for none; and a count that rises with each step of the work."""

MARK_BYTES: Final = 4_096
