"""What a media child counts against the quota of CPU: its own use, the worker's, and that of the other children."""

from __future__ import annotations

import mmap
import subprocess
import sys

import pytest

from timmybot.adapters.sources.children.media.process import _used
from timmybot.adapters.sources.media_mark import MARK_BYTES, SIBLINGS, SIBLINGS_AT, packed_siblings

SECONDS = 0.1
BUSY = f"import sys, time\nwhile time.process_time() < {SECONDS}: pass\nprint('done', flush=True)\nsys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no such quota, and no such clock")
def test_the_use_of_another_child_counts_and_that_of_one_that_is_gone_does_not() -> None:
    memory = mmap.mmap(-1, MARK_BYTES)
    alone = _used(memory)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"done\n"
        memory[SIBLINGS_AT : SIBLINGS_AT + SIBLINGS.size] = packed_siblings([other.pid])
        with_it = _used(memory)
        memory[SIBLINGS_AT : SIBLINGS_AT + SIBLINGS.size] = packed_siblings([])
        without = _used(memory)
        assert with_it - alone >= SECONDS > without - alone
        other.stdin.close()
        other.wait()
    memory[SIBLINGS_AT : SIBLINGS_AT + SIBLINGS.size] = packed_siblings([other.pid])
    assert _used(memory) - without < SECONDS


def test_more_children_than_there_is_room_for_are_told_of_as_far_as_it_goes() -> None:
    assert SIBLINGS.unpack(packed_siblings(range(1, 100))) == tuple(range(1, 17))
    assert SIBLINGS.unpack(packed_siblings([7])) == (7, *[0] * 15)
