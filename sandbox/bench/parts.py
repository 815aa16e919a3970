"""What is measured, part by part. Each part adds its figures; what it cannot measure it says, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from sandbox.bench.density import Density
from sandbox.bench.figures import Figures
from sandbox.bench.punctuality import sounding
from sandbox.bench.quota import NoQuota
from sandbox.bench.room import Room, Spent
from sandbox.bench.stand import Stand

TASK_KIB = 512 * 1024
"""The memory of the smaller Fargate task."""


@dataclass(frozen=True)
class Extent:
    """How much is measured: enough to quote, or enough to see that it works."""

    rounds: int = 3
    window_seconds: float = 4.0
    streams: int = 100
    peer_streams: int = 25
    floor_frames: int = 40_000
    transcoded: int = 8
    first_packets: int = 20
    hour_frames: int = 180_000
    cycles: int = 1_000
    runs: int = 5
    most_streams: int = 900
    density_window_seconds: float = 3.0


QUICK = Extent(
    rounds=1,
    window_seconds=1.0,
    streams=10,
    peer_streams=4,
    floor_frames=5_000,
    transcoded=2,
    first_packets=3,
    hour_frames=6_000,
    cycles=20,
    runs=1,
    most_streams=16,
    density_window_seconds=0.6,
)

Part = Callable[[Room, Figures, Extent], Awaitable[None]]


async def frame_cpu(room: Room, figures: Figures, extent: Extent) -> None:
    """CPU per frame from file to socket: the floor, ours and the peers in turns, so that a busy moment hits all."""
    spent: dict[str, list[float]] = {"floor": [], "paced": []}
    async with AsyncExitStack() as up:
        floor = await up.enter_async_context(room.floor())
        players = {"ours": (await up.enter_async_context(room.ours()), extent.streams)}
        for name, stand in (("discordpy", room.discordpy()), ("discordjs", room.discordjs())):
            if isinstance(stand, Stand):
                players[name] = (await up.enter_async_context(stand), extent.peer_streams)
            else:
                figures.not_measured[f"peer_{name}_frame_cpu_us"] = stand
        idle = {}
        for name, (stand, _) in players.items():
            await stand.ask("play", streams=1)
            await stand.ask("play", streams=0)
            idle[name] = await room.window(stand, 0, extent.window_seconds / 2)
        for _ in range(extent.rounds):
            spent["floor"].append(await _floor_us(room, floor, "run", frames=extent.floor_frames))
            paced = {"streams": extent.streams, "seconds": extent.window_seconds / 2}
            spent["paced"].append(await _floor_us(room, floor, "paced", **paced))
            for name, (stand, streams) in players.items():
                await stand.ask("play", streams=streams)
                window = await room.window(stand, streams, extent.window_seconds)
                await stand.ask("play", streams=0)
                spent.setdefault(name, []).append(_frame_us(window, idle[name]))
    typical = {name: median(values) for name, values in spent.items()}
    figures.add("frame_cpu_us", typical["ours"], "µs")
    figures.add("frame_floor_us", typical["floor"], "µs")
    figures.add("frame_floor_paced_us", typical["paced"], "µs")
    for name in players.keys() - {"ours"}:
        figures.add(f"peer_{name}_frame_cpu_us", typical[name], "µs")
        figures.add(f"frame_cpu_to_{name}", typical["ours"] / typical[name], "×")
    figures.add("frame_cpu_to_floor", typical["ours"] / typical["floor"], "×")
    figures.add("frame_cpu_to_floor_paced", typical["ours"] / typical["paced"], "×")


async def _floor_us(room: Room, floor: Stand, how: str, **details: float) -> float:
    """The sink listens meanwhile, as it does to the others."""
    listening = asyncio.create_task(room.listen(details.get("seconds", 1.0)))
    answer = await floor.ask(how, **details)
    await listening
    return float(answer["cpu_seconds"]) / int(answer["frames"]) * 1e6


def _frame_us(playing: Spent, idle: Spent) -> float:
    """CPU per frame, less what it costs while nothing plays."""
    idle_seconds = idle.cpu_seconds / idle.seconds * playing.seconds
    return (playing.cpu_seconds - idle_seconds) / max(playing.frames, 1) * 1e6


async def players(room: Room, figures: Figures, extent: Extent) -> None:
    """What a player holds: memory, threads, descriptors; and what one that is transcoded costs."""
    for kind, song, streams in (
        ("", room.song_url, extent.streams),
        ("transcoded_", room.mp3_url(), extent.transcoded),
    ):
        async with room.ours() as stand:
            few = max(1, streams // 10)
            await stand.ask("play", streams=few, song=song)
            before: Spent = await room.window(stand, few, extent.window_seconds / 2)
            await stand.ask("play", streams=few + streams, song=song)
            after = await room.window(stand, few + streams, extent.window_seconds)
        kib = (after.usage.memory_kib - before.usage.memory_kib) / streams
        figures.add(f"{kind}player_kib", kib, "KiB")
        if kind:
            share = after.cpu_seconds / after.seconds / (few + streams)
            figures.add("transcoded_stream_cpu_percent", share * 100, "% of a core")
            continue
        figures.add("player_threads", (after.usage.threads - before.usage.threads) / streams, "threads")
        figures.add("player_descriptors", (after.usage.descriptors - before.usage.descriptors) / streams, "descriptors")
        base = before.usage.memory_kib - few * kib
        figures.add("process_kib", base, "KiB")
        figures.add("players_in_512_mb", int((TASK_KIB - base) / kib), "players")


async def peer_players(room: Room, figures: Figures, extent: Extent) -> None:
    """What a player of discord.py holds, its ffmpeg counted."""
    stand = room.discordpy()
    if not isinstance(stand, Stand):
        figures.not_measured["peer_discordpy_player_kib"] = stand
        return
    async with stand:
        await stand.ask("play", streams=1)
        before = await room.window(stand, 1, extent.window_seconds / 4)
        await stand.ask("play", streams=1 + extent.peer_streams)
        after = await room.window(stand, 1 + extent.peer_streams, extent.window_seconds / 2)
    streams = extent.peer_streams
    kib = (after.usage.memory_kib - before.usage.memory_kib) / streams
    figures.add("peer_discordpy_player_kib", kib, "KiB")
    figures.add("peer_discordpy_player_threads", (after.usage.threads - before.usage.threads) / streams, "threads")
    processes = (after.usage.processes - before.usage.processes) / streams
    figures.add("peer_discordpy_player_processes", processes, "processes")


async def first_packet(room: Room, figures: Figures, extent: Extent) -> None:
    """From a wish in a channel that the bot is in already (resolve, open, fill, slot) to the first packet, warm."""
    async with room.ours() as stand:
        await stand.ask("first", times=1)
        listening = asyncio.create_task(room.listen(0.4 * extent.first_packets + 1.0))
        answer = await stand.ask("first", times=extent.first_packets)
        arrivals = sounding(await listening)
    took = []
    for wished_ns, ssrc in answer["wishes"]:
        times = arrivals["time_ns"][arrivals["ssrc"] == ssrc]
        if len(times):
            took.append((int(times.min()) - wished_ns) / 1e6)
    figures.add("first_packet_ms", median(took), "ms")
    figures.add("first_packet_worst_ms", max(took), "ms")


async def hour(room: Room, figures: Figures, extent: Extent) -> None:
    """Memory over an hour's worth of frames, served as fast as they come."""
    async with room.ours() as stand:
        answer = await stand.ask("hour", frames=extent.hour_frames * 59 // 60, warm_up=extent.hour_frames // 60)
    figures.add("hour_growth_kib", answer["after"]["kib"] - answer["before"]["kib"], "KiB")


async def cycles(room: Room, figures: Figures, extent: Extent) -> None:
    """What is left of joining, playing and leaving, again and again."""
    async with room.ours() as stand:
        answer = await stand.ask("cycle", times=extent.cycles, warm_up=max(5, extent.cycles // 5))
    before, after = answer["before"], answer["after"]
    figures.add("cycles", extent.cycles, "join/leave cycles")
    figures.add("cycles_growth_kib", after["kib"] - before["kib"], "KiB")
    figures.add("cycles_leaked_threads", after["threads"] - before["threads"], "threads")
    figures.add("cycles_leaked_descriptors", after["descriptors"] - before["descriptors"], "descriptors")


async def density(room: Room, figures: Figures, extent: Extent) -> None:
    """How many streams are held under a quota, ours and discord.py's."""
    for prefix, make, start in (("", room.ours, 160), ("peer_discordpy_", room.discordpy, 24)):
        stand = make()
        if not isinstance(stand, Stand):
            figures.not_measured[f"{prefix}streams_quarter_core"] = stand
            continue
        async with stand:
            try:
                with Density(room, stand, extent.runs, extent.density_window_seconds) as measure:
                    for core, cores in (("quarter", 0.25), ("full", 1.0)):
                        first = min(int(start * cores * 4), extent.most_streams)
                        held = await measure.held(cores, start=first, most=extent.most_streams)
                        figures.add(f"{prefix}streams_{core}_core", held.within_20_ms, "streams")
                        figures.add(f"{prefix}streams_{core}_core_10_ms", held.within_10_ms, "streams")
            except NoQuota as error:
                figures.not_measured[f"{prefix}streams_quarter_core"] = str(error)
                figures.not_measured[f"{prefix}streams_full_core"] = str(error)


PARTS: dict[str, Part] = {
    "frame-cpu": frame_cpu,
    "players": players,
    "peer-players": peer_players,
    "first-packet": first_packet,
    "hour": hour,
    "cycles": cycles,
    "density": density,
}
