"""What is measured, part by part. Each part adds its figures; what it cannot measure it says, and why."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from statistics import median

from sandbox.bench.calls import SHARDS
from sandbox.bench.crash import crash
from sandbox.bench.extent import Extent, Part
from sandbox.bench.figures import Figures
from sandbox.bench.room import Room, Spent
from sandbox.bench.stand import Stand
from sandbox.bench.streams_held import density
from sandbox.bench.task import TASK_BYTES, join, play, task
from sandbox.bench.transcoding import transcoded_density, transcoded_task, transcoding
from sandbox.bench.wishes import command, first_packet


async def frame_cpu(room: Room, figures: Figures, extent: Extent) -> None:
    """CPU per frame from file to socket: the floor, ours and the peers in turns, so that a busy moment hits all."""
    spent: dict[str, list[float]] = {"floor": [], "paced": []}
    async with AsyncExitStack() as up:
        floor = await up.enter_async_context(room.floor())
        ours = await up.enter_async_context(room.ours())
        players = {str(streams): (ours, streams) for streams in extent.frame_streams}
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
            paced = {"streams": extent.frame_streams[-1], "seconds": extent.window_seconds / 2}
            spent["paced"].append(await _floor_us(room, floor, "paced", **paced))
            for name, (stand, streams) in players.items():
                await stand.ask("play", streams=streams)
                window = await room.window(stand, streams, extent.window_seconds)
                await stand.ask("play", streams=0)
                spent.setdefault(name, []).append(frame_us(window, idle[name]))
    typical = {name: median(values) for name, values in spent.items()}
    for number in map(str, extent.frame_streams):
        figures.add(f"frame_cpu_{number}_streams_us", typical[number], "µs")
    ours_us = typical[str(extent.frame_streams[-1])]
    figures.add("frame_cpu_us", ours_us, "µs")
    figures.add("frame_floor_us", typical["floor"], "µs")
    figures.add("frame_floor_paced_us", typical["paced"], "µs")
    for name in ("discordpy", "discordjs"):
        if name in typical:
            figures.add(f"peer_{name}_frame_cpu_us", typical[name], "µs")
            figures.add(f"frame_cpu_to_{name}", ours_us / typical[name], "×")
    figures.add("frame_cpu_to_floor", ours_us / typical["floor"], "×")
    figures.add("frame_cpu_to_floor_paced", ours_us / typical["paced"], "×")


async def _floor_us(room: Room, floor: Stand, how: str, **details: float) -> float:
    """The sink listens meanwhile, as it does to the others."""
    listening = asyncio.create_task(room.listen(details.get("seconds", 1.0)))
    answer = await floor.ask(how, **details)
    await listening
    return float(answer["cpu_seconds"]) / int(answer["frames"]) * 1e6


def frame_us(playing: Spent, idle: Spent) -> float:
    """CPU per frame, less what it costs while nothing plays."""
    idle_seconds = idle.cpu_seconds / idle.seconds * playing.seconds
    return (playing.cpu_seconds - idle_seconds) / max(playing.frames, 1) * 1e6


async def players(room: Room, figures: Figures, extent: Extent) -> None:
    """What a player holds in a real call: memory, threads, descriptors, its websocket with TLS included."""
    few = max(1, extent.streams // 10)
    async with room.in_calls(few + extent.streams) as (ours, calls, guilds):
        await join(ours, guilds[:few])
        await play(ours, guilds[:few])
        before = await ours.ask("held")
        await join(ours, guilds[few:])
        await calls.ask("stop_listening")
        await play(ours, guilds[few:])
        after = await ours.ask("held")
    each = {what: (after[what] - before[what]) / extent.streams for what in before}
    kib = each["kib"]
    base = before["kib"] - few * kib
    figures.add("player_kib", kib, "KiB")
    figures.add("player_threads", each["threads"], "threads")
    figures.add("player_descriptors", each["descriptors"], "descriptors")
    figures.add("process_kib", base, "KiB")
    figures.add("players_in_512_mb", int((TASK_BYTES / 1024 - base) / kib), "players")


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


async def hour(room: Room, figures: Figures, extent: Extent) -> None:
    """Memory over an hour's worth of frames, served as fast as they come; the first sixth is warm-up."""
    async with room.ours() as stand:
        answer = await stand.ask("hour", frames=extent.hour_frames * 5 // 6, warm_up=extent.hour_frames // 6)
    figures.add("hour_growth_kib", answer["after"]["own_kib"] - answer["before"]["own_kib"], "KiB")


async def cycles(room: Room, figures: Figures, extent: Extent) -> None:
    """What is left of joining, playing and leaving, again and again, the real way.

    Judged by what is in use: of the C heap, and Python's objects (a cycle makes some thousands). The pages that the
    process holds are shown, too; they stay at the most that was ever in use at once, holes included, which a busy
    machine, where letting go comes late, puts some megabytes higher. Before, all guilds play at once, and a third as
    many cycles pass.
    """
    async with room.in_calls(SHARDS) as (ours, _, guilds):
        each = -(-extent.cycles // SHARDS)
        await join(ours, guilds)
        await play(ours, guilds)
        for guild, _ in guilds:
            await ours.ask("leave", guild=guild)
        await ours.ask("cycle", guilds=guilds, times=max(1, each // 3))
        before = await ours.ask("held", after_seconds=extent.linger_seconds)
        await ours.ask("cycle", guilds=guilds, times=each)
        after = await ours.ask("held", after_seconds=extent.linger_seconds)
    figures.add("cycles", each * SHARDS, "join/leave cycles")
    figures.add("cycles_leaked_kib", after["heap_kib"] - before["heap_kib"], "KiB")
    figures.add("cycles_leaked_objects", (after["objects"] - before["objects"]) / (each * SHARDS), "objects a cycle")
    figures.add("cycles_growth_kib", after["own_kib"] - before["own_kib"], "KiB")
    figures.add("cycles_leaked_threads", after["threads"] - before["threads"], "threads")
    figures.add("cycles_leaked_descriptors", after["descriptors"] - before["descriptors"], "descriptors")


PARTS: dict[str, Part] = {
    "frame-cpu": frame_cpu,
    "players": players,
    "transcoding": transcoding,
    "peer-players": peer_players,
    "first-packet": first_packet,
    "command": command,
    "hour": hour,
    "cycles": cycles,
    "task": task,
    "transcoded-task": transcoded_task,
    "crash": crash,
    "density": density,
    "transcoded-density": transcoded_density,
}
