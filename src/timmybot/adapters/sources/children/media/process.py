"""The media child's process. Begun by ``media_child`` in the worker, with two descriptors and an empty environment.

It ends when its control socket does: with the worker.
"""

from __future__ import annotations

import encodings.cp1252
import encodings.latin_1  # noqa: F401  # nothing can be imported later
import mmap
import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import av.subtitles.codeccontext  # noqa: F401  # PyAV would import it at the first Matroska

from timmybot.adapters.sources.children.media import confinement, transcode
from timmybot.adapters.sources.children.media.opened_track import OpenedTrack
from timmybot.adapters.sources.children.media.opus_encoder import FULL_COMPLEXITY
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.session import Session
from timmybot.adapters.sources.children.media.work import Work
from timmybot.adapters.sources.children.ready import READY, UNCONFINED
from timmybot.adapters.sources.cpu_quota import CpuQuota, Thrift
from timmybot.adapters.sources.handover import taken
from timmybot.adapters.sources.media_mark import MARK_BYTES, SIBLINGS, SIBLINGS_AT
from timmybot.adapters.sources.media_messages import Wire
from timmybot.domain.sound import Sound

_NICENESS: Final = 5
"""Pacing comes first."""
_STACK_BYTES: Final = 512 * 1024
_WARM_SAMPLES: Final = 24_000


def main() -> NoReturn:
    """The whole of the process. Its arguments: how it gets its control socket and its mark."""
    confinement.die_with_the_worker()
    control, memory = _given(sys.argv[1:])
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with suppress(OSError):  # where memory is short, a child goes first, and not the worker
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    threading.stack_size(_STACK_BYTES)
    _warm_up()
    thrift = Thrift(CpuQuota().cores, partial(_used, memory))
    control.sendall(READY if confinement.confine() else UNCONFINED)
    _serve(control, Work(memory, thrift.rest))
    os._exit(0)  # threads may be anywhere, and nobody waits for them any more


def _serve(control: socket.socket, work: Work) -> None:
    while True:
        try:
            stream = taken(control)
        except OSError:
            return
        if stream is None:
            return
        number, sock = stream
        session = Session(number, Wire(sock), work)
        try:
            threading.Thread(target=session.serve, name=f"stream {number}", daemon=True).start()
        except RuntimeError:  # no memory for a thread: the worker sees the socket close
            sock.close()


def _used(memory: mmap.mmap) -> float:
    """CPU seconds of this process, the worker and its other children."""
    seconds = time.process_time()
    for process_id in (os.getppid(), *SIBLINGS.unpack_from(memory, SIBLINGS_AT)):
        if process_id:
            with suppress(OSError):
                # Source: Linux, include/linux/posix-timers.h: the clock of a process is made of its id.
                seconds += time.clock_gettime((~process_id << 3) | 2)
    return seconds


def _given(arguments: list[str]) -> tuple[socket.socket, mmap.mmap]:
    if sys.platform == "win32":
        (length,) = struct.unpack("<I", sys.stdin.buffer.read(4))
        control = socket.fromshare(sys.stdin.buffer.read(length))
        with open(arguments[0], "r+b") as mark:  # noqa: PTH123
            return control, mmap.mmap(mark.fileno(), MARK_BYTES)
    control_fd, mark_fd = map(int, arguments)
    memory = mmap.mmap(mark_fd, MARK_BYTES)
    os.close(mark_fd)
    return socket.socket(fileno=control_fd), memory


def _warm_up() -> None:
    """Transcode half a second of a WAV in memory: what PyAV and Python load late is loaded now."""
    pcm = struct.pack("<h", 4_000) * _WARM_SAMPLES
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        48_000,
        96_000,
        2,
        16,
        b"data",
        len(pcm),
    )
    data = head + pcm
    file = RemoteFile(lambda place, size, earned: data[place : place + size], size=len(data), seekable=True)
    track = OpenedTrack(file, 0.0, seeking=False)
    for sound in (Sound(), Sound(volume_percent=50, speed_percent=110)):
        assert list(track.frames(0.0, sound, None, lambda: FULL_COMPLEXITY))
    track.close()
    assert list(transcode.opus_decoded(iter([(0.0, b"\xf8\xff\xfe")])))


if __name__ == "__main__":
    main()
