"""``python -m sandbox.bench.compare COMMIT [--rounds N] [--quick]``: what passed-through streams cost there and here.

The commit's tree is put into ``build/compare/`` and its players run from there, with this checkout's packages, in turns
with this checkout's: CPU per frame, first packets, and how many streams a quarter core holds. Both are thus measured in
one run on one machine, by the same bench, sink and song; only the stands are each commit's own. It prints the medians
of both and their ratio, and writes ``build/bench-compare.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from sandbox.bench.__main__ import DIRECTORY, allow_descriptors
from sandbox.bench.density import Density
from sandbox.bench.extent import QUICK, Extent
from sandbox.bench.figures import Figures
from sandbox.bench.parts import frame_us
from sandbox.bench.quota import NoQuota, Quota
from sandbox.bench.room import Room, room
from sandbox.bench.wishes import first_packet
from sandbox.positive import positive

TREES = Path("build/compare")
RESULT = Path("build/bench-compare.json")
SENDER = "src/timmybot/adapters/discord_voice/sender"
START = 160

Seen = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench.compare", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--quick", action="store_true", help="see that it works; not for quoting")
    options = parser.parse_args(arguments)
    allow_descriptors()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    tree = built(options.commit)
    extent = QUICK if options.quick else Extent(first_packets=10)
    before, after = asyncio.run(_measured(tree, extent, 1 if options.quick else options.rounds))
    found = {name: (median(before[name]), median(after[name])) for name in before}
    print(f"\n{'':<24} {options.commit:>12} {'here':>12} {'ratio':>7}")
    for name, (there, here) in found.items():
        print(f"{name:<24} {there:>12.2f} {here:>12.2f} {here / there if there else 0:>7.2f}")
    written = {name: {"before": before[name], "after": after[name]} for name in found}
    RESULT.write_text(json.dumps({"commit": options.commit, "figures": written}, indent=2) + "\n")
    print(f"\nEvery round is in {RESULT}.")
    return 0


def built(commit: str) -> Path:
    """The commit's tree, with the compiled sender if its source is the one that was compiled here."""
    tree = TREES / commit
    if not tree.exists():
        archive = subprocess.run(["git", "archive", commit, "src", "sandbox"], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(tree, filter="data")
    here, there = Path(SENDER), tree / SENDER
    if here.with_suffix(".c").read_bytes() != there.with_suffix(".c").read_bytes():
        raise SystemExit(f"{there}.c is another sender than ours: compile it as the Makefile does, and start again.")
    if here.with_suffix(".so").exists():
        there.with_suffix(".so").write_bytes(here.with_suffix(".so").read_bytes())
    return tree


async def _measured(tree: Path, extent: Extent, rounds: int) -> tuple[Seen, Seen]:
    before: Seen = {}
    after: Seen = {}
    async with room(DIRECTORY) as here:
        sides = ((here.of(tree), before), (here, after))
        for part in (_frames, _first_packets, _density):
            for number in range(rounds):
                for place, seen in sides if number % 2 == 0 else reversed(sides):
                    for name, value in (await part(place, extent)).items():
                        seen.setdefault(name, []).append(value)
                    print(".", end="", flush=True)
    return before, after


async def _frames(place: Room, extent: Extent) -> dict[str, float]:
    streams = extent.frame_streams[-1]
    async with place.ours() as stand:
        await stand.ask("play", streams=1)
        await stand.ask("play", streams=0)
        idle = await place.window(stand, 0, extent.window_seconds / 2)
        await stand.ask("play", streams=streams)
        return {"frame_cpu_us": frame_us(await place.window(stand, streams, extent.window_seconds), idle)}


async def _first_packets(place: Room, extent: Extent) -> dict[str, float]:
    figures = Figures()
    await first_packet(place, figures, extent)
    return {name: figures[name] for name in ("first_packet_ms", "join_and_first_packet_ms")}


async def _density(place: Room, extent: Extent) -> dict[str, float]:
    try:
        async with Quota("compare") as quota, place.ours() as stand:
            measure = Density(place, stand, quota, runs=1, window_seconds=extent.density_window_seconds)
            held = await measure.held(0.25, start=min(START, extent.most_streams), most=extent.most_streams)
    except NoQuota as error:
        print(error)
        return {}
    return {"streams_quarter_core": held.within_20_ms}


if __name__ == "__main__":
    sys.exit(main())
