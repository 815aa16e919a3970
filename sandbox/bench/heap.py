"""What is in use of this process's heap, to the byte, as the allocator counts it.

Pages tell whether a process fits into its task, and only roughly whether it leaks: they have holes. What was taken and
not given back does show here, and as the number of Python's own objects, which have another heap.
Source: mallinfo2(3), glibc 2.33. It tells of the main heap only: see ``hold_little``.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@dataclass(frozen=True)
class InUse:
    kib: float
    """Of the C heap. 0.0 where the platform does not tell."""
    objects: int
    """Python's."""


def in_use() -> InUse:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return InUse(0.0, sys.getallocatedblocks())
    libc.mallinfo2.restype = _Mallinfo
    told = libc.mallinfo2()
    return InUse((told.uordblks + told.hblkhd) / 1024, sys.getallocatedblocks())


def give_back() -> None:
    """Have free pages returned to the system, as far as they have nothing else in them."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
