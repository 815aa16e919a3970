"""What a process tells its memory's keepers. In a process of its own: it is for good."""

from __future__ import annotations

import subprocess
import sys

import pytest

from timmybot.entrypoints.memory import TLS_READ_BYTES

BUFFER = """
import asyncio, asyncio.sslproto, ssl
from timmybot.entrypoints.memory import hold_little
{call}
loop = asyncio.new_event_loop()
protocol = asyncio.sslproto.SSLProtocol(
    loop, asyncio.Protocol(), ssl.create_default_context(), loop.create_future(), server_hostname="localhost"
)
print(len(protocol.get_buffer(-1)))
loop.close()
"""

HEAPS = """
import ctypes, threading
from timmybot.entrypoints.memory import hold_little
{call}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
heap = libc.malloc(1_000) >> 32
places = []
threads = [threading.Thread(target=lambda: places.append(libc.malloc(1_000) >> 32)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(all(place == heap for place in places))
"""


def said(program: str, *, little: bool) -> str:
    call = "hold_little()" if little else ""
    done = subprocess.run(  # our own program
        [sys.executable, "-c", program.format(call=call)], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_tls_connection_keeps_a_record_and_not_a_quarter_of_a_megabyte() -> None:
    """It fails if asyncio renames what we set; the second is the negative control."""
    assert int(said(BUFFER, little=True)) == TLS_READ_BYTES
    assert int(said(BUFFER, little=False)) == 256 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="heaps of glibc")
def test_threads_share_one_heap() -> None:
    assert said(HEAPS, little=True) == "True"
    assert said(HEAPS, little=False) == "False", "the negative control"
