"""What streams do when the media child dies that works for all of them: on a quarter of a core, and on a whole one.

Buffers are full when it dies, and encoders have adapted to the quota. Judged is what arrives at the sink from before
the death until some seconds after everybody went on, and the slots for which a player had no frame. A child that dies
of SIGSEGV is taken to have died of the stream that it was at work for: that one is left out of the judgement.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from sandbox.bench.extent import Extent
from sandbox.bench.figures import Figures
from sandbox.bench.punctuality import Punctuality, punctuality
from sandbox.bench.quota import NoQuota, Quota
from sandbox.bench.room import AFTER_SECONDS, Room
from sandbox.bench.stand import Stand
from sandbox.bench.transcoding import begin

AT_LEAST = 15
"""Streams that the media children's issue demands of a quarter core. With its goal of twenty, one is nearly full."""
SIGNALS = (signal.SIGKILL, signal.SIGSEGV)
BEFORE_SECONDS = 1.0


@dataclass
class _Seen:
    late: list[int] = field(default_factory=list)
    undisturbed: list[int] = field(default_factory=list)
    """The same in windows in which nothing died."""
    underruns: int = 0
    after_ms: list[float] = field(default_factory=list)
    last_ms: list[float] = field(default_factory=list)
    lost: int = 0


async def crash(room: Room, figures: Figures, extent: Extent) -> None:
    """Kill the child in use by both signals, again and again."""
    all_late = 0
    after: list[float] = []
    try:
        for core, cores, streams in (
            ("quarter_core", 0.25, extent.transcoded_streams),
            (f"quarter_core_{AT_LEAST}", 0.25, min(AT_LEAST, extent.transcoded_streams)),
            ("full_core", 1.0, extent.transcoded_streams),
        ):
            seen = await _on(room, extent, core, cores, streams)
            figures.add(f"media_child_crash_late_frames_{core}", sum(seen.late), "frames")
            figures.add(f"media_child_crash_undisturbed_late_frames_{core}", sum(seen.undisturbed), "frames")
            figures.add(f"media_child_crash_underruns_{core}", seen.underruns, "slots")
            figures.add(f"media_child_recovery_{core}_ms", median(seen.after_ms), "ms")
            figures.add(f"media_child_recovery_{core}_last_ms", max(seen.last_ms), "ms")
            figures.add(f"media_child_crash_lost_{core}", seen.lost, "streams")
            all_late += sum(seen.late)
            after += seen.last_ms
    except NoQuota as error:
        figures.not_measured["media_child_crash_late_frames"] = str(error)
        return
    figures.add("media_child_crash_late_frames", all_late, "frames")
    figures.add("media_child_recovery_ms", median(after), "ms")


async def _on(room: Room, extent: Extent, core: str, cores: float, streams: int) -> _Seen:
    seen = _Seen()
    async with Quota(f"crash-{core}") as quota:
        for _ in range(extent.crash_rounds):
            for number in SIGNALS:
                async with room.ours_transcoded() as stand:
                    quota.take(stand.pid)
                    await begin(stand)
                    await stand.ask("play", streams=streams)
                    quota.allow(cores)
                    try:
                        await asyncio.sleep(extent.transcoded_settle_seconds)
                        undisturbed, _ = await _window(room, stand, extent, streams, None)
                        seen.undisturbed.append(_late(undisturbed))
                        await _killed(room, stand, extent, streams, number, seen)
                    finally:
                        quota.allow(None)
    return seen


async def _killed(  # noqa: PLR0917  # one call, above
    room: Room, stand: Stand, extent: Extent, streams: int, number: signal.Signals, seen: _Seen
) -> None:
    before = await stand.ask("look")
    judged, told = await _window(room, stand, extent, streams, number)
    after = await stand.ask("look")
    seen.late.append(_late(judged))
    seen.underruns += after["underruns"] - before["underruns"]
    seen.after_ms += told["after_ms"]
    seen.last_ms.append(max(told["after_ms"], default=0.0))
    seen.lost += told["lost"]
    print(
        f" {number.name}: {_late(judged)} late, worst {judged.worst_ms:.0f} ms, on after {seen.last_ms[-1]:.0f} ms"
        f" at {after['complexity']}, blamed {len(told['blamed'])};",
        end="",
        flush=True,
    )


async def _window(
    room: Room, stand: Stand, extent: Extent, streams: int, number: signal.Signals | None
) -> tuple[Punctuality, dict[str, Any]]:
    """What arrives in a window in which the child dies by the signal ``number``, and what became of its streams."""
    seconds = extent.crash_window_seconds
    listening = asyncio.create_task(room.listen(seconds + 2 * AFTER_SECONDS))
    await asyncio.sleep(AFTER_SECONDS)
    begin_ns = time.time_ns()
    await asyncio.sleep(BEFORE_SECONDS)
    told: dict[str, Any] = {"blamed": []}
    if number is not None:
        await stand.ask("kill", number=number)
        told = await stand.ask("killed")
    arrivals = await listening
    end_ns = begin_ns + int(seconds * 1e9)
    heard = arrivals[~np.isin(arrivals["ssrc"], np.array(told["blamed"], np.uint32))]
    return punctuality(heard, begin_ns, end_ns, streams - len(told["blamed"])), told


def _late(judged: Punctuality) -> int:
    """Frames that came more than 20 ms late, or not at all."""
    return round(judged.slots * (1 - judged.within_20_ms))
