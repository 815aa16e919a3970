"""A process of its own that looks at URLs and plays them, and says what that cost. Run by test_hostile_media.

Its arguments: the host that may be fetched from; the address space in MiB that it may use beyond what it begins with;
``bounded`` or ``unbounded``, which takes the bounds away; a URL of a good file; and the URLs.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fakes.reading import read
from timmybot.adapters.sources import allowance
from timmybot.adapters.sources.children.media import containers
from timmybot.adapters.sources.http import HttpTrackSource
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


def peak_mib() -> float:
    """Not ``ru_maxrss``, which begins with the size of whoever began this process. Source: proc(5), status, VmHWM."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def address_space() -> int:
    """What the process has mapped, in bytes. Source: proc(5), statm."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def play(source: HttpTrackSource, url: str, seconds: float = PLAY_SECONDS) -> tuple[int, str]:
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
                time.sleep(0.002)  # this is the pacing thread's place: it has nothing to wait on
        return frames, "plays" if frames else "nothing yet"
    finally:
        stream.close()


async def main(host: str, urls: list[str], address_space_mib: int, play_seconds: float) -> None:
    source = HttpTrackSource((host,), resolve_seconds=3.0)
    await warm_up(source, urls.pop(0))
    limit = address_space() + address_space_mib * 1024**2
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for url in urls:
        before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
        try:
            outcome = f"resolved, {(await source.resolve(url)).duration_ms} ms"
        except TrackError as trouble:
            outcome = f"refused: {trouble}"
        frames, ending = play(source, url, play_seconds)
        cost = Cost(
            f"{outcome}; {ending}",
            frames,
            time.monotonic() - began,
            time.process_time() - cpu,
            peak_mib() - before,
        )
        print(json.dumps(asdict(cost)), flush=True)
    source.close()


async def warm_up(source: HttpTrackSource, url: str) -> None:
    await source.resolve(url)
    frames, _ = play(source, url)
    assert frames


if __name__ == "__main__":
    is_bounded = sys.argv[3] == "bounded"
    if not is_bounded:
        allowance.SILENT_BYTES = 2**40
        allowance.SILENT_CPU_SECONDS = 2**40
        containers.hold_pieces_to(2**31 - 1)
    asyncio.run(main(sys.argv[1], sys.argv[4:], int(sys.argv[2]), PLAY_SECONDS if is_bounded else UNBOUNDED_SECONDS))
