"""What the smaller task is asked to hold: 150 players in real calls, in 512 MB and on a quarter of a core."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any

from sandbox.bench.extent import Extent
from sandbox.bench.figures import Figures
from sandbox.bench.quota import NoQuota, Quota
from sandbox.bench.room import SETTLE_SECONDS, Room
from sandbox.bench.stand import Stand, StandFailed

TASK_BYTES = 512 * 1024**2
TASK_CORES = 0.25
AFTERWARDS_SECONDS = 1.0


async def task(room: Room, figures: Figures, extent: Extent) -> None:
    """Run it, from its start in that much memory; on its share of a core from when all of them play.

    What arrives at the voice server is judged; websockets, TLS, DAVE, heartbeats and the watchdog are all there. Those
    that still sound after the last window are the players that it holds.
    """
    try:
        async with Quota("task", memory_bytes=TASK_BYTES) as quota:
            try:
                await _run(room, figures, extent, quota)
            finally:
                use = quota.memory()
                figures.add("task_512_mb_peak_mib", (use.peak_bytes + use.tcp_peak_bytes) / 1024**2, "MiB")
                figures.add("task_512_mb_tcp_peak_mib", use.tcp_peak_bytes / 1024**2, "MiB")
                figures.add("task_512_mb_at_limit", use.refused, "times at its limit")
                figures.add("task_512_mb_oom_kills", use.killed, "processes killed")
    except NoQuota as error:
        figures.not_measured["task_512_mb_players"] = str(error)
    except StandFailed as error:
        figures.not_measured["task_512_mb_players"] = str(error)


async def _run(room: Room, figures: Figures, extent: Extent, quota: Quota) -> None:
    players = extent.task_players
    async with room.in_calls(players, quota) as (ours, calls, guilds):
        await join(ours, guilds)
        await calls.ask("stop_listening")
        await play(ours, guilds)
        quota.allow(TASK_CORES)
        try:
            windows = [await room.window(ours, players, extent.task_window_seconds, calls) for _ in range(extent.runs)]
            afterwards = await room.window(ours, players, AFTERWARDS_SECONDS, calls)
        finally:
            quota.allow(None)
    in_time = [window.punctuality.within_20_ms * 100 for window in windows]
    cpu = [window.cpu_seconds / window.seconds * 100 for window in windows]
    figures.add("task_512_mb_players", afterwards.punctuality.streams, "players")
    figures.add("task_512_mb_in_time_percent", median(in_time), "% of the frames")
    figures.add("task_512_mb_in_time_worst_percent", min(in_time), "% of the frames")
    figures.add("task_512_mb_cpu_percent", median(cpu), "% of a core")
    figures.add("task_512_mb_process_mib", afterwards.usage.memory_kib / 1024, "MiB")


async def join(ours: Stand, guilds: list[list[int]]) -> None:
    """Be in these calls, one after another."""
    for guild, channel in guilds:
        await ours.ask("join", guild=guild, channel=channel)


async def play(ours: Stand, guilds: list[list[int]], **wish: Any) -> None:
    """Play in each of them."""
    for guild, _ in guilds:
        await ours.ask("play", guild=guild, **wish)
    await asyncio.sleep(SETTLE_SECONDS)
