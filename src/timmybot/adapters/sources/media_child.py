"""One media child as the worker sees it: its process, its streams, and whom it worked for when it died."""

from __future__ import annotations

import logging
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

if sys.platform == "linux":
    import fcntl

from timmybot.adapters.sources.handover import hand_over
from timmybot.adapters.sources.media_mark import MARK, MARK_BYTES, SIBLINGS, SIBLINGS_AT, packed_siblings
from timmybot.adapters.sources.media_session import MediaSession

log = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-P", "-m", "timmybot.adapters.sources.children.media.process")
PASSED_ON: Final = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""All of our environment that a child gets: where the code is, and nothing secret."""

CPU_SECONDS: Final = 1.0
"""How long a child may compute for one stream without a read, a packet or a frame. Honest files take milliseconds."""
CLEARED_SECONDS: Final = 15.0
BEGIN_SECONDS: Final = 45.0
"""How long it may take to be ready: a quarter of a second on a quiet machine, twenty where it begins in turns."""
FROZEN_LOOKS: Final = 20
"""How many looks in a row, 0.1 s apart, may find a child that owes something neither computing nor getting on."""
_FAULTS: Final = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"})
"""Signals that a process brings upon itself. Another one came from outside, and nobody is blamed."""
_EXIT_SECONDS: Final = 2.0
_SPARE_BYTES: Final = 48 * 1024**2
"""A little more than the largest piece of memory that FFmpeg may ask for."""


class Verdict(NamedTuple):
    """Why a child died."""

    stream: int
    """The stream that brought it down; 0 if none is known to have."""
    hung: bool


class MediaChild:
    """Begun by the thread that keeps it: the system ends it when that thread ends."""

    def __init__(self, command: Sequence[str], on_awaited: Callable[[], None], *, alone: bool) -> None:
        """``command`` begins it. ``on_awaited`` is called whenever a stream begins to wait for the child.

        Raises :class:`OSError`.
        """
        self.on_awaited = on_awaited
        self.alone = alone
        """Whether it decodes one suspect track and nothing else."""
        self.ready = False
        self.stands_still = False
        self.reserved = False
        """Whether it has been given a stream."""
        self.ended = False
        self.stays = 0
        """How many of its streams are there to stay."""
        self.sessions: dict[int, MediaSession] = {}
        self.idle_since = time.monotonic()
        self.address_space: int | None = None
        self.begun_at = time.monotonic()
        self._lock = threading.Lock()
        self._verdict: Verdict | None = None
        self._hung_stream: int | None = None
        self._look: tuple[int, int, float, int] | None = None
        self.control, theirs = socket.socketpair()
        self._memory, mark, path = _shared_memory()
        try:
            self._process = _begin(command, theirs, mark, path)
        except BaseException:
            self.control.close()
            self._memory.close()
            raise
        finally:
            theirs.close()
            mark.close()
        if sys.platform == "win32":
            _give_control(self._process, theirs)
        self.pid = self._process.pid

    @property
    def at_work(self) -> int:
        """The number of the stream that it works for now; 0 for none."""
        try:
            stream: int = MARK.unpack_from(self._memory)[0]
        except ValueError:  # it is reaped
            return 0
        return stream

    def tell_siblings(self, process_ids: Sequence[int]) -> None:
        """Whose CPU counts with its own against the quota."""
        with suppress(ValueError):  # it is reaped
            self._memory[SIBLINGS_AT : SIBLINGS_AT + SIBLINGS.size] = packed_siblings(process_ids)

    def hand_over(self, number: int, stream: socket.socket) -> None:
        """Raises :class:`OSError` if it is dead."""
        hand_over(self.control, self.pid, number, stream)

    def begin_serving(self) -> None:
        """It said that it is ready."""
        self.ready = True
        self.address_space = _address_space_limit(self.pid)

    def is_short_of_memory(self) -> bool:
        """Whether it came, at any time, so near its limit that FFmpeg may have got no memory."""
        peak = _peak_address_space(self.pid)
        return self.address_space is not None and peak is not None and peak + _SPARE_BYTES > self.address_space

    @property
    def is_awaited(self) -> bool:
        return any(session.awaited_since is not None for session in list(self.sessions.values()))

    @property
    def is_cleared(self) -> bool:
        """Whether its suspect has had time enough to bring it down: it counts as any other from then on."""
        return self.alone and time.monotonic() - self.begun_at > CLEARED_SECONDS

    @property
    def works_for_nobody(self) -> bool:
        """Whether it goes on computing for a stream that is closed: it cannot be interrupted."""
        look = self._look
        if look is None or look[3] < 2:
            return False
        return look[0] == self.at_work and look[0] not in {0, *self.sessions}

    def look_for_hang(self) -> None:
        """Kill it if it computes without end, or does nothing though it owes something. Called every 0.1 s."""
        stream, steps = MARK.unpack_from(self._memory)
        cpu = self.cpu_seconds()
        before = self._look
        owes = self.is_awaited
        if before is None or (stream, steps) != before[:2] or not (owes or stream):
            self._look = (stream, steps, cpu, 0)
            return
        looks = before[3] + 1
        self._look = (stream, steps, before[2], looks)
        if stream and cpu - before[2] > CPU_SECONDS:
            log.warning("a media child computed for %.1f s without getting on: it is ended", cpu - before[2])
            self._hung_stream = stream
            self.kill()
        elif owes and looks >= FROZEN_LOOKS and cpu - before[2] < CPU_SECONDS / 20 and self._is_off_the_cpu():
            log.warning("a media child stands still: it is ended")
            self.kill()

    def look_for_silence(self) -> None:
        """Kill it if it has owed an answer for far longer than work takes, whatever it marks."""
        now = time.monotonic()
        for session in list(self.sessions.values()):
            since = session.awaited_since
            if since is not None and now - since > session.silent_seconds:
                log.warning("a media child owed an answer for %.0f s: it is ended", now - since)
                self.kill()

    def _is_off_the_cpu(self) -> bool:
        """Whether it is stopped, or waits for an event: not for its turn on a busy machine, nor for a disk."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] not in {"R", "D"}

    def cpu_seconds(self) -> float:
        """Of the whole process, which works for one stream at a time; 0 where nobody tells."""
        if sys.platform != "linux":
            return 0.0
        try:
            # Source: Linux, include/linux/posix-timers.h: the clock of a process is made of its id.
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0

    def kill(self) -> None:
        with suppress(OSError):
            self._process.kill()

    def stand_still(self) -> None:
        """Have it take no CPU until :meth:`go_on`."""
        self.stands_still = True
        with suppress(OSError):
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.stands_still = False
        with suppress(OSError):
            self._process.send_signal(signal.SIGCONT)

    def retire(self) -> None:
        """Let it end: it does when its control socket closes."""
        self.ended = True
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)

    def dies_within(self, seconds: float) -> bool:
        """Whether it is dead by then, or was told to go."""
        if self.ended or self._verdict is not None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.ended
        return True

    def verdict(self) -> Verdict:
        """Wait for it to be dead, and say why it is."""
        with self._lock:
            if self._verdict is None:
                self._verdict = self._judged()
            return self._verdict

    def reap(self) -> Verdict:
        """The verdict, after which nothing is left of the process."""
        verdict = self.verdict()
        with self._lock:
            self.control.close()
            self._memory.close()  # Its descriptor would else stay for as long as a stream remembers the child.
        return verdict

    def _judged(self) -> Verdict:
        self.ended = True
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        stream = self.at_work
        hung = self._hung_stream
        blamed = hung if hung is not None else stream if _signal_name(code) in _FAULTS else 0
        log.info(
            "a media child ended (%s), working for stream %d, which is %sblamed", code, stream, "" if blamed else "not "
        )
        return Verdict(blamed, hung is not None)


def _begin(command: Sequence[str], theirs: socket.socket, mark: IO[bytes], path: str | None) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # One heap: each of the C library's others sets 64 MiB of address space aside.
    environment |= {"MALLOC_ARENA_MAX": "1"}
    if sys.platform == "win32":
        assert path is not None
        return subprocess.Popen(  # noqa: S603  # our own program
            [*command, path], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
    handed = (theirs.fileno(), mark.fileno())
    return subprocess.Popen(  # noqa: S603  # our own program
        [*command, *map(str, handed)],
        env=environment,
        pass_fds=handed,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _give_control(process: subprocess.Popen[bytes], theirs: socket.socket) -> None:
    if sys.platform == "win32":
        share = theirs.share(process.pid)
        assert process.stdin is not None
        process.stdin.write(struct.pack("<I", len(share)) + share)
        process.stdin.flush()


def _shared_memory() -> tuple[mmap.mmap, IO[bytes], str | None]:
    """Memory, the file behind it, and that one's path where it is handed on by path."""
    file: IO[bytes]
    if sys.platform == "linux":
        file = os.fdopen(os.memfd_create("media mark", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b")
    elif sys.platform == "win32":
        file = tempfile.NamedTemporaryFile(delete=False)  # noqa: SIM115
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115
    file.truncate(MARK_BYTES)
    if sys.platform == "linux":  # a child that made it shorter would end the worker by SIGBUS
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    path = file.name if sys.platform == "win32" else None
    return mmap.mmap(file.fileno(), MARK_BYTES), file, path


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return ""


def _address_space_limit(pid: int) -> int | None:
    """In bytes; ``None`` where there is none."""
    if sys.platform != "linux":
        return None
    import resource  # noqa: PLC0415  # there is none on Windows

    try:
        limit, _ = resource.prlimit(pid, resource.RLIMIT_AS)
    except (OSError, ProcessLookupError):
        return None
    return None if limit == resource.RLIM_INFINITY else limit


def _peak_address_space(pid: int) -> int | None:
    """In bytes. Source: proc(5), ``VmPeak``."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = next((line for line in status.splitlines() if line.startswith("VmPeak:")), None)
    return int(found.split()[1]) * 1024 if found else None
