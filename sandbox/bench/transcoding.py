"""What streams cost that FFmpeg works on: CPU, how many a quarter core holds, memory. Worker and children together.

Everybody plays the same MP3. Where a quota is set, the volume is half, as it is for the peer.
"""

from __future__ import annotations

import asyncio
from statistics import median

from sandbox.bench.density import Density
from sandbox.bench.extent import Extent
from sandbox.bench.figures import Figures
from sandbox.bench.quota import NoQuota, Quota
from sandbox.bench.room import Room
from sandbox.bench.stand import Stand, StandFailed, cpu_seconds
from sandbox.bench.task import TASK_BYTES, TASK_CORES, join, play
from timmybot.ports.track_source import FRAME_MS

VOLUME_PERCENT = 50
COMPLEXITIES = (10, 5, 3, 0)
LOADED_COMPLEXITY = 5
"""Where there is no quota to find out under."""
FILL_SECONDS = 3.0
LASTING_MS = 3_000
"""Buffers are filled from 4 s on, up to 5. Where one has less than this, making frames does not keep up."""
_UNIT = "% of a core"
_QUARTER = "transcoded_streams_quarter_core"


async def transcoding(room: Room, figures: Figures, extent: Extent) -> None:
    """What a stream costs that has to be decoded and encoded, at each complexity of libopus.

    The one under load is what the worker chooses for so many streams on a quarter of a core.
    """
    try:
        under_load = await _complexity_under_load(room, extent)
    except NoQuota as error:
        figures.not_measured["transcoded_loaded_complexity"] = str(error)
        under_load = LOADED_COMPLEXITY
    else:
        figures.add("transcoded_loaded_complexity", under_load, "of 10")
    shares = {complexity: await _share(room, figures, extent, complexity) for complexity in COMPLEXITIES}
    figures.add("transcoded_stream_cpu_percent", shares[10], _UNIT)
    figures.add("transcoded_stream_loaded_cpu_percent", shares[under_load], _UNIT)
    for complexity in COMPLEXITIES[1:]:
        figures.add(f"transcoded_stream_complexity_{complexity}_cpu_percent", shares[complexity], _UNIT)
    figures.add("transcoded_stream_volume_cpu_percent", await _share(room, figures, extent, 10, 50), _UNIT)


async def transcoded_density(room: Room, figures: Figures, extent: Extent) -> None:
    """How many of them a quarter of a core holds, and how many it holds of discord.py's."""
    await _held(room, figures, extent, room.ours_transcoded(), name=_QUARTER, start=extent.transcoded_streams)
    peer = f"peer_discordpy_{_QUARTER}"
    start = extent.transcoded_streams // 2
    await _held(room, figures, extent, room.discordpy_transcoded(), name=peer, start=start)
    if _QUARTER in figures and peer in figures:
        figures.add("transcoded_streams_to_discordpy", figures[_QUARTER] / max(figures[peer], 1), "×")


async def transcoded_task(room: Room, figures: Figures, extent: Extent) -> None:
    """The smaller task with nothing but such streams, in real calls: worker and children in 512 MiB."""
    name = "task_512_mb_transcoded"
    try:
        async with Quota("transcoded-task", memory_bytes=TASK_BYTES) as quota:
            try:
                await _task(room, figures, extent, quota, name)
            finally:
                use = quota.memory()
                figures.add(f"{name}_peak_mib", (use.peak_bytes + use.tcp_peak_bytes) / 1024**2, "MiB")
                figures.add(f"{name}_oom_kills", use.killed, "processes killed")
    except (NoQuota, StandFailed) as error:
        figures.not_measured[f"{name}_streams"] = str(error)


async def begin(stand: Stand) -> None:
    """Have a stand of ours play everything at half the volume."""
    await stand.ask("begin", volume_percent=VOLUME_PERCENT)


async def _share(room: Room, figures: Figures, extent: Extent, complexity: int, volume_percent: int = 100) -> float:
    """Percent of a core, a stream, of what plays at real-time pace.

    It is what the children take for fifty frames, for buffers are filled by the half second, and what the worker takes
    in a second.
    """
    streams = 1 + extent.transcoded
    async with room.ours_transcoded() as stand:
        await stand.ask("begin", complexity=complexity, volume_percent=volume_percent)
        await stand.ask("play", streams=1)
        before = stand.usage()
        await stand.ask("play", streams=streams)
        await asyncio.sleep(FILL_SECONDS)
        worker, *children = stand.family()
        made = -int((await stand.ask("look"))["made"])
        worker_seconds, child_seconds = -cpu_seconds([worker]), -cpu_seconds(children)
        await asyncio.sleep(extent.transcoded_window_seconds)
        worker_seconds, child_seconds = worker_seconds + cpu_seconds([worker]), child_seconds + cpu_seconds(children)
        made += int((await stand.ask("look"))["made"])
        after = stand.usage()
    worker_percent = worker_seconds / extent.transcoded_window_seconds / streams * 100
    if complexity == COMPLEXITIES[0] and volume_percent == 100:
        figures.add("transcoded_player_kib", (after.memory_kib - before.memory_kib) / extent.transcoded, "KiB")
        figures.add("transcoded_stream_worker_cpu_percent", worker_percent, _UNIT)
    return worker_percent + child_seconds / max(made, 1) * 1000 / FRAME_MS * 100


async def _complexity_under_load(room: Room, extent: Extent) -> int:
    async with Quota("load") as quota, room.ours_transcoded() as stand:
        quota.take(stand.pid)
        await begin(stand)
        await stand.ask("play", streams=extent.transcoded_streams)
        quota.allow(TASK_CORES)
        await asyncio.sleep(extent.transcoded_settle_seconds)
        quota.allow(None)
        return int((await stand.ask("look"))["complexity"])


async def _held(room: Room, figures: Figures, extent: Extent, stand: Stand | str, *, name: str, start: int) -> None:
    if not isinstance(stand, Stand):
        figures.not_measured[name] = stand
        return
    ours = name == _QUARTER
    try:
        async with Quota(stand.name.replace(" ", "-")) as quota, stand:
            measure = Density(
                *(room, stand, quota),
                runs=extent.transcoded_runs,
                window_seconds=extent.transcoded_window_seconds,
                settle_seconds=extent.transcoded_settle_seconds,
                lasts=_lasts if ours else None,
                ready=begin if ours else None,
            )
            held = await measure.held(0.25, start=start, most=extent.most_transcoded_streams)
    except NoQuota as error:
        figures.not_measured[name] = str(error)
        return
    figures.add(name, held.within_20_ms, "streams")


async def _lasts(stand: Stand) -> bool:
    """Whether frames are made as quickly as they are sent."""
    return bool((await stand.ask("look"))["lowest_ms"] >= LASTING_MS)


async def _task(room: Room, figures: Figures, extent: Extent, quota: Quota, name: str) -> None:
    streams = extent.transcoded_streams
    async with room.in_calls(streams, quota) as (ours, calls, guilds):
        await join(ours, guilds)
        await calls.ask("stop_listening")
        await play(ours, guilds, song=room.mp3_url(), volume_percent=VOLUME_PERCENT)
        quota.allow(TASK_CORES)
        try:
            await asyncio.sleep(extent.transcoded_settle_seconds)
            windows = [
                await room.window(ours, streams, extent.task_window_seconds, calls)
                for _ in range(extent.transcoded_runs)
            ]
        finally:
            quota.allow(None)
    figures.add(f"{name}_streams", windows[-1].punctuality.streams, "streams")
    in_time = median(window.punctuality.within_20_ms for window in windows)
    figures.add(f"{name}_in_time_percent", in_time * 100, "% of the frames")
    figures.add(f"{name}_process_mib", windows[-1].usage.memory_kib / 1024, "MiB")
