"""What a confined process cannot do, tried in one; each with the control that the same is done without confinement."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from timmybot.adapters.sources.children.media.confinement import filter_program

ATTEMPTS = {
    "a socket": "import socket; socket.socket()",
    "a pair of sockets": "import socket; socket.socketpair()",
    "a file": "open('/etc/hostname' if __import__('os').path.exists('/etc/hostname') else '/proc/self/stat')",
    "a file that is written": "open('written', 'w')",
    "another process": "import os; pid = os.fork(); os._exit(0) if not pid else os.waitpid(pid, 0)",
    "another program": "import os; os.execv('/bin/true', ['true'])",
    "a signal to the worker": "import os; os.kill(os.getppid(), 0)",
    "a signal to the worker's thread": (
        "import ctypes, os; pid = os.getppid(); "
        "ctypes.CDLL(None, use_errno=True).syscall({'x86_64': 234, 'aarch64': 131}[os.uname().machine], pid, pid, 0)"
        " and (_ for _ in ()).throw(OSError())"
    ),
    "the worker's limits": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
    "much memory": "bytearray(400 * 1024**2)",
}
PROGRAM = """
import ctypes, os, socket, sys
from timmybot.adapters.sources.children.media import confinement
if {confined}:
    assert confinement.confine(), "the system does not confine"
try:
    {attempt}
except (OSError, MemoryError) as error:
    os.write(1, type(error).__name__.encode())
    os._exit(7)
os._exit(0)
"""


def outcome(attempt: str, directory: Path, *, confined: bool) -> int:
    program = PROGRAM.format(confined=confined, attempt=attempt)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=directory, timeout=30, check=False, stdout=subprocess.DEVNULL
    ).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
@pytest.mark.parametrize("what", ATTEMPTS)
def test_a_confined_process_is_refused(what: str, tmp_path: Path) -> None:
    assert outcome(ATTEMPTS[what], tmp_path, confined=True) == 7
    assert outcome(ATTEMPTS[what], tmp_path, confined=False) == 0, "the control"


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_confined_process_begins_threads_and_shares_what_it_has() -> None:
    """The control: what a child needs goes on."""
    program = """
import os, socket, threading
from timmybot.adapters.sources.children.media import confinement
ours, theirs = socket.socketpair()
assert confinement.confine()
thread = threading.Thread(target=lambda: ours.sendall(b"here"))
thread.start(); thread.join()
os._exit(0 if theirs.recv(4) == b"here" else 1)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_of_the_filter_ends_inside_it(machine: str) -> None:
    program = filter_program(machine, 1_000)
    for place, (_, if_so, if_not, _) in enumerate(program):
        assert 0 <= if_so <= 255
        assert place + 1 + max(if_so, if_not) < len(program) + (place + 1 == len(program))
    assert len(program) < 4_096
