"""What a process that plays for many guilds tells its memory's keepers, before it opens anything.

Both are limits of the whole process, made for programs of another shape: a server with few, fat connections, and
threads that allocate without end.
"""

from __future__ import annotations

import ctypes
import gc
from asyncio.sslproto import SSLProtocol
from typing import Final

TLS_READ_BYTES: Final = 16 * 1024
"""What is read of a TLS connection at once: a record. asyncio keeps 256 KiB for it, for each connection and for good;
a player has one, to its voice server, of half a kilobyte a minute. There is no public way to say so."""

_ARENA_MAX: Final = -8
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
"""Source: mallopt(3), malloc.h of glibc."""
_LARGE_BYTES: Final = 128 * 1024


def hold_little() -> None:
    """Call it once, with everything imported and before there are threads. What the platform lacks is left as it is.

    glibc gives every thread a heap of its own, up to eight a core. What one thread has taken (a filling thread, a
    frame) another gives back (the pacing thread), and the heaps grow by some 10 MB in a thousand joins and leaves, full
    of holes. One heap for all: they take it for microseconds, and seldom at once under the interpreter lock.
    What has been imported stays: looking through it for garbage takes 10 ms, half a slot of every player's, each time.
    Large pieces come from the system and go back there: left to itself, glibc puts them into the heap from the first
    that was freed on.
    """
    SSLProtocol.max_size = TLS_READ_BYTES
    gc.collect()
    gc.freeze()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _LARGE_BYTES), (_TRIM_THRESHOLD, _LARGE_BYTES)):
            mallopt(option, value)
