"""Keeping a process's secrets from others of the same user.

The worker has the bot's token in its environment and in its memory. On Linux, every process of the same user may read
both through ``/proc/<pid>/environ`` and ``/proc/<pid>/mem``, and attach to it: also one that a hostile file has taken
over. A process that is not dumpable keeps them to itself. A child that it executes is dumpable again.

Source: prctl(2), ``PR_SET_DUMPABLE``; proc(5); ptrace(2), "Ptrace access mode checking".
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def keep_others_out() -> bool:
    """Make this process one that others of its user cannot look into; return whether it is. Elsewhere than on Linux
    nothing happens.

    Its files in ``/proc`` belong to root then, and the process itself still reads them: what Linux checks is the right
    to trace, which everybody has over themselves. It leaves no core dump, which would hold the secrets, too.
    """
    if sys.platform != "linux":
        return False
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return prctl is not None and prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
