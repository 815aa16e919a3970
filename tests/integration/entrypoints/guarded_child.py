"""Run as a child, without rights: a process with a secret, and a child of its own that looks for it.

Prints what the looking child could read, and what the process itself still can. Arguments: ``guarded`` or ``bare``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from tests.contract.unprivileged_child import become_nobody
from timmybot.entrypoints.process_hardening import keep_others_out

DUMPABLE = 4
SECRET = b"TIMMYBOT_BOT_TOKEN="


_SHARED = ctypes.create_string_buffer(SECRET)
"""Where both processes have something, one being the other's copy."""


def read(pid: int, name: str) -> str:
    """Open and read a file of the process's in ``/proc``: "read", or what keeps from it."""
    try:
        with Path(f"/proc/{pid}/{name}").open("rb") as file:
            if name == "mem":
                file.seek(ctypes.addressof(_SHARED))
            return "read" if file.read(16) else "empty"
    except OSError as error:
        return os.strerror(error.errno or 0)


def be_dumpable() -> None:
    """As after an exec, which neither giving up root's rights nor a fork is."""
    ctypes.CDLL(None).prctl(DUMPABLE, 1, 0, 0, 0)


def look(pid: int) -> None:
    be_dumpable()
    for name in ("environ", "mem", "maps"):
        print(f"another reads {name}: {read(pid, name)}", flush=True)


def main(*, is_guarded: bool) -> None:
    become_nobody()
    be_dumpable()
    if is_guarded:
        assert keep_others_out()
    me, child = os.getpid(), os.fork()
    if child == 0:
        look(me)
        os._exit(0)
    os.waitpid(child, 0)
    for name in ("maps", "statm", "status", "cgroup"):
        print(f"it reads its own {name}: {read(me, name)}")


if __name__ == "__main__":
    main(is_guarded=sys.argv[1] == "guarded")
