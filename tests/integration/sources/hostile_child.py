"""A process of its own that looks at URLs and plays them, and says what that cost. Run by test_hostile_media.

Its arguments: the host that may be fetched from; the address space in MiB that it may use beyond what it begins with;
``bounded`` or ``unbounded``, which takes the bounds away, in media children too; a URL of a good file; and the URLs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fakes.reading import read
from timmybot.adapters.sources import allowance
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_child import COMMAND
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.domain.track import Track
from timmybot.ports.track_source import Gap, TrackError

PLAY_SECONDS = 1.5
UNBOUNDED_SECONDS = 60.0
"""At most: without the bound it is to be seen what the file takes, however slow the machine."""
FRAMES = 250


@dataclass
class Cost:
    outcome: str
    frames: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    """How much the largest resident size grew."""
    child_mib: float
    """How large the largest media child was seen."""


UNBOUNDED_CHILD = """
from timmybot.adapters.sources import allowance
from timmybot.adapters.sources.children.media import confinement, containers, process
allowance.SILENT_BYTES = allowance.SILENT_CPU_SECONDS = confinement.MORE_BYTES = 2**40
containers.hold_pieces_to(2**31 - 1)
process.main()
"""


def peak_mib(pid: int | str = "self") -> float:
    """Not ``ru_maxrss``, which begins with the size of whoever began this process. Source: proc(5), status, VmHWM."""
    (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def address_space() -> int:
    """What the process has mapped, in bytes. Source: proc(5), statm."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class Children:
    """How large the media children were seen; some are gone when a file is done with."""

    def __init__(self, media: MediaPool) -> None:
        self._media = media
        self.most_mib = 0.0

    def look(self) -> None:
        for pid in self._media.pids:
            with contextlib.suppress(OSError, ValueError):  # gone, or just being reaped
                self.most_mib = max(self.most_mib, peak_mib(pid))


def play(source: HttpTrackSource, children: Children, url: str, seconds: float = PLAY_SECONDS) -> tuple[int, str]:
    stream = source.open(Track(url), position_ms=0)
    frames, give_up = 0, time.monotonic() + seconds
    try:
        while frames < FRAMES and time.monotonic() < give_up:
            frame = read(stream)
            if frame is Gap.END:
                return frames, str(stream.failure or "ended")
            if isinstance(frame, bytes):
                frames += 1
            else:
                children.look()
                time.sleep(0.002)  # this is the pacing thread's place: it has nothing to wait on
        return frames, "plays" if frames else "nothing yet"
    finally:
        children.look()
        stream.close()


async def resolve(source: HttpTrackSource, children: Children, url: str) -> Track:
    looking = asyncio.create_task(source.resolve(url))
    while not looking.done():
        children.look()
        await asyncio.wait((looking,), timeout=0.005)
    return await looking


async def main(
    host: str, urls: list[str], address_space_mib: int, play_seconds: float, command: tuple[str, ...]
) -> None:
    media = MediaPool(command=command)
    source = HttpTrackSource((host,), resolve_seconds=3.0, media=media)
    await warm_up(source, urls.pop(0))
    limit = address_space() + address_space_mib * 1024**2
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for url in urls:
        before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
        children = Children(media)
        try:
            outcome = f"resolved, {(await resolve(source, children, url)).duration_ms} ms"
        except TrackError as trouble:
            outcome = f"refused: {trouble}"
        frames, ending = play(source, children, url, play_seconds)
        cost = Cost(
            f"{outcome}; {ending}",
            frames,
            time.monotonic() - began,
            time.process_time() - cpu,
            peak_mib() - before,
            children.most_mib,
        )
        print(json.dumps(asdict(cost)), flush=True)
    source.close()


async def warm_up(source: HttpTrackSource, url: str) -> None:
    await source.resolve(url)
    frames, _ = play(source, Children(source.media), url)
    assert frames


if __name__ == "__main__":
    is_bounded = sys.argv[3] == "bounded"
    if not is_bounded:
        allowance.SILENT_BYTES = 2**40
        allowance.SILENT_CPU_SECONDS = 2**40
    seconds = PLAY_SECONDS if is_bounded else UNBOUNDED_SECONDS
    command = COMMAND if is_bounded else (sys.executable, "-P", "-c", UNBOUNDED_CHILD)
    asyncio.run(main(sys.argv[1], sys.argv[4:], int(sys.argv[2]), seconds, command))
