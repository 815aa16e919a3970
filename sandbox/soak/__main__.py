"""``python -m sandbox.soak``: play mixed formats in several guilds as fast as frames come, while media children are
killed, crash and stand still; and tell what the processes hold at first and at last.

Ends after ``--minutes`` of the clock or ``--hours`` of sound in each guild, whichever comes first. Writes
``build/soak.json``. Exit status 0 only if descriptors, threads and memory stayed within 5 % and no zombie was left.
Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sandbox.positive import positive, positive_seconds
from sandbox.soak.guilds import POLL_SECONDS, Guild
from sandbox.soak.served import served
from sandbox.soak.tree import Held, held
from timmybot.adapters.sources.http import HttpTrackSource

RESULT = Path("build/soak.json")
STRIKES_SECONDS = (5.0, 15.0)
"""How long a child is left alone."""
HOWS = (signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
REST_SECONDS = 20.0
"""How often the guilds rest and all children are replaced, so that the same things are held whenever it is looked."""
SETTLE_SECONDS = 1.0
BEGIN_SECONDS = 20.0
SHARE = 5
"""The first fifth is for warming up; the second is compared with the last."""
FLAT = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.soak", description=__doc__)
    parser.add_argument("--minutes", type=positive_seconds, default=30.0)
    parser.add_argument("--hours", type=positive_seconds, default=4.0, help="of sound, in each guild")
    parser.add_argument("--guilds", type=positive, default=6)
    asked = parser.parse_args()
    if sys.platform != "linux":
        print("The soak needs Linux: it looks into /proc.", file=sys.stderr)
        return 2
    with served() as (server, host, links):
        found = soak(asked.minutes * 60, asked.hours, asked.guilds, server=server, host=host, links=links)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "samples"}, indent=2))
    return 0 if found["ok"] else 1


def soak(most_seconds: float, hours: float, count: int, *, server: int, host: str, links: list[str]) -> dict[str, Any]:
    """Everything that was seen. ``server`` is a process that does not count."""
    source = HttpTrackSource((host,))
    source.media.warm()
    guilds = [Guild(source, links, number) for number in range(count)]
    began = time.monotonic()
    samples: list[Held] = []
    in_use: list[Held] = []
    struck: Counter[str] = Counter()
    random = Random("soak")
    for guild in guilds:
        guild.start()
    try:
        strike_at, rest_at = began + STRIKES_SECONDS[1], began + REST_SECONDS
        while time.monotonic() < began + most_seconds and min(guild.hours for guild in guilds) < hours:
            time.sleep(0.2)
            if time.monotonic() > strike_at:
                struck[_strike(source, random)] += 1
                strike_at = time.monotonic() + random.uniform(*STRIKES_SECONDS)
            if time.monotonic() > rest_at:
                in_use.append(_rest(guilds, server))
                samples.append(_renewed(guilds, source, server))
                print(
                    f"{time.monotonic() - began:5.0f} s, {sum(each.hours for each in guilds):.1f} h: {samples[-1]}",
                    flush=True,
                )
                rest_at = time.monotonic() + REST_SECONDS
    finally:
        for guild in guilds:
            guild.end()
        begun = source.media.begun
        source.close()
    seconds = time.monotonic() - began
    left = held(os.getpid(), without=server)
    return _verdict(guilds, samples, in_use, struck, begun=begun, seconds=seconds, left=left)


def _strike(source: HttpTrackSource, random: Random) -> str:
    """To a child that is ready; to one that plays, if any does."""
    children = [child for child in source.media.children if child.ready and not child.ended]
    if not children:
        return "nobody"
    how = random.choice(HOWS)
    os.kill(max(children, key=lambda child: (child.stays, random.random())).pid, how)
    return how.name


def _rest(guilds: list[Guild], server: int) -> Held:
    """What is held when nothing plays any more, by children as they are."""
    for guild in guilds:
        guild.rest()
    time.sleep(SETTLE_SECONDS)
    return held(os.getpid(), without=server)


def _renewed(guilds: list[Guild], source: HttpTrackSource, server: int) -> Held:
    """What is held with one child that has done nothing yet. How much a used one holds is its work's chance."""
    old = source.media.pids
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    source.media.warm()
    give_up = time.monotonic() + BEGIN_SECONDS
    while not _is_renewed(source, old) and time.monotonic() < give_up:
        source.media.warm()
        time.sleep(POLL_SECONDS)
    time.sleep(SETTLE_SECONDS)
    found = held(os.getpid(), without=server)
    for guild in guilds:
        guild.go_on()
    return found


def _is_renewed(source: HttpTrackSource, old: list[int]) -> bool:
    children = source.media.children
    return any(child.ready for child in children) and not any(child.pid in old for child in children)


def _verdict(
    guilds: list[Guild],
    samples: list[Held],
    in_use: list[Held],
    struck: Counter[str],
    *,
    begun: int,
    seconds: float,
    left: Held,
) -> dict[str, Any]:
    usual = Counter(each.processes for each in samples).most_common(1)
    alike = [each for each in samples if each.processes == usual[0][0]]  # whether a second one stands by is chance
    part = max(1, len(alike) // SHARE)
    early, late = alike[part : 2 * part], alike[-part:]
    grown = {
        name: median(getattr(each, name) for each in late) / median(getattr(each, name) for each in early) - 1
        for name in ("descriptors", "threads", "mib")
        if early and late
    }
    zombies = max((each.zombies for each in [*samples, *in_use]), default=0)
    failures = Counter(failure for guild in guilds for failure in guild.failures)
    return {
        "ok": bool(grown) and all(abs(each) <= FLAT for each in grown.values()) and not zombies and left.processes == 1,
        "seconds": round(seconds),
        "hours_a_guild": [round(guild.hours, 2) for guild in guilds],
        "songs": sum(guild.songs for guild in guilds),
        "children_begun": begun,
        "struck": dict(struck),
        "failures": dict(failures),
        "grown": {name: round(value, 4) for name, value in grown.items()},
        "zombies": zombies,
        "left": asdict(left),
        "most_in_use": asdict(max(in_use, key=lambda each: each.mib)) if in_use else {},
        "samples": [asdict(each) for each in samples],
    }


if __name__ == "__main__":
    sys.exit(main())
