"""The process in which files are looked at, apart from the one that plays. Begun by ``looking_apart``.

It is asked and answers in lines of JSON: ``{"number", "url"}`` in, ``{"number", "title", "duration_ms"}`` or
``{"number", "trouble"}`` out. It ends when its input does.

FFmpeg cannot be interrupted: over some files it computes for minutes without reading a byte. Whoever has one computed
for too long is answered, and the process ends itself, which ends the computing; whatever else was being looked at is
asked of the next process.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.probe import probe
from timmybot.ports.track_source import TrackError

THREADS: Final = 2
MORE_BYTES: Final = 192 * 1024**2
"""Address space beyond what the process begins with. The fetcher bounds what one file costs to a third of it."""
_STACK_BYTES: Final = 512 * 1024
_LOOK_SECONDS: Final = 0.1
_DEAF_SECONDS: Final = 2.0
"""How much longer than its time a look may take to hear that it is over."""
HONEST_CPU_SECONDS: Final = 0.25
"""An honest file takes 2 to 30 ms. So this says of a look whose time is up who took it, the file or its server: a busy
machine stretches the time, but not what is computed."""
_NICENESS: Final = 5
OVERSTAYED: Final = 3
"""The exit code of a process that ended itself."""

TOO_LONG: Final = "That address took too long to answer. Try again later."
TOO_COSTLY: Final = (
    "The file at that address is damaged, or holds too much besides its sound. Give a direct link to an audio file."
)
_OUR_FAULT: Final = "Something went wrong while I was looking at that address. Try another file."


@dataclass
class _Look:
    """One file that is being looked at."""

    file: HttpFile
    ends_at: float
    cpu_clock: int | None = None
    """That of the thread which looks at it, once one does; where there is none, only the time is bounded."""
    cpu_begun: float = 0.0
    given_up: bool = field(default=False)

    def cpu_seconds(self) -> float:
        return 0.0 if self.cpu_clock is None else time.clock_gettime(self.cpu_clock) - self.cpu_begun

    def why_late(self) -> str:
        """The sentence for the member when its time is up."""
        return TOO_COSTLY if self.cpu_seconds() > HONEST_CPU_SECONDS else TOO_LONG


class Looking:
    def __init__(self, allow_hosts: tuple[str, ...], seconds: float, cpu_seconds: float) -> None:
        self._policy = AddressPolicy(allow_hosts)
        self._threads = FillingThreads(THREADS, "probing")
        self._seconds = seconds
        self._cpu_seconds = cpu_seconds
        self._looks: dict[int, _Look] = {}
        self._guard = threading.Lock()

    def serve(self, lines: Iterable[str]) -> None:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        for line in lines:
            asked = json.loads(line)
            self._begin(asked["number"], asked["url"])

    def _begin(self, number: int, url: str) -> None:
        try:
            file = HttpFile(url, self._policy, self._threads.waiting)
        except TrackError as trouble:
            self._answer(number, {"trouble": str(trouble)})
            return
        look = _Look(file, time.monotonic() + self._seconds)
        with self._guard:
            self._looks[number] = look
        self._threads.submit(lambda: self._look(number, url, look), file.host)

    def _look(self, number: int, url: str, look: _Look) -> None:
        if sys.platform == "linux":
            clock = time.pthread_getcpuclockid(threading.get_ident())
            look.cpu_begun, look.cpu_clock = time.clock_gettime(clock), clock
        try:
            track = probe(look.file, url)
            found: dict[str, object] = {"title": track.title, "duration_ms": track.duration_ms}
        except TrackError as trouble:
            found = {"trouble": look.why_late() if look.given_up else str(trouble)}
        except MemoryError:
            found = {"trouble": TOO_COSTLY}
        except Exception as error:  # whatever a file does to us, its member is answered
            print(f"looking at a file failed: {error!r}", file=sys.stderr)
            found = {"trouble": _OUR_FAULT}
        finally:
            look.file.close()
        self._answer(number, found)

    def _answer(self, number: int, found: dict[str, object]) -> None:
        line = json.dumps({"number": number, **found})
        with self._guard:
            self._looks.pop(number, None)
            print(line, flush=True)

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._guard:
                looks = list(self._looks.items())
            now = time.monotonic()
            overstayed = [
                (number, look)
                for number, look in looks
                if look.cpu_seconds() > self._cpu_seconds or now > look.ends_at + _DEAF_SECONDS
            ]
            for number, look in overstayed:
                self._answer(number, {"trouble": look.why_late()})
            if overstayed:
                os._exit(OVERSTAYED)
            for _, look in looks:
                if now > look.ends_at:
                    look.given_up = True
                    look.file.abort()


def _hold_little() -> None:
    threading.stack_size(_STACK_BYTES)
    if sys.platform != "linux":
        return
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    limit = mapped + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> NoReturn:
    """The whole of the process. Its argument: allowed hosts, seconds and seconds of CPU for a look, in JSON."""
    allowed, seconds, cpu_seconds = json.loads(sys.argv[1])
    os.nice(_NICENESS)
    _hold_little()
    Looking(tuple(allowed), seconds, cpu_seconds).serve(sys.stdin)
    os._exit(0)  # threads may be anywhere, and nobody waits for them any more
