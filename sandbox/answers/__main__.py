"""Counts, prints, writes ``build/answers.json``; the exit code is 1 if an answer was lost, or none by the control."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from sandbox.answers.control import control
from sandbox.answers.counting import GUILDS, LATENCIES_SECONDS, Count, town

WRITTEN = Path("build/answers.json")


async def count_all(directory: Path, *, guilds: int, rounds: int) -> Count:
    """At each distance, and with losses as often as without."""
    count = Count()
    async with town(directory, guilds) as here:
        for latency in LATENCIES_SECONDS:
            for lossy in (False, True):
                for _ in range(rounds):
                    await here.give_round(count, latency_seconds=latency, lossy=lossy)
                print(f"{latency * 1000:4.0f} ms{', lossy' if lossy else '':7}: {count.total} given, "
                      f"{count.total_lost} lost", flush=True)  # fmt: skip
    return count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.answers", description=__doc__)
    parser.add_argument("--guilds", type=int, default=GUILDS, help="guilds for each of both transports")
    parser.add_argument("--rounds", type=int, default=1, help="rounds at each distance, with losses and without")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        count = asyncio.run(count_all(Path(directory) / "all", guilds=chosen.guilds, rounds=chosen.rounds))
        lost_by_control = asyncio.run(control(Path(directory) / "control"))
    for transport, sentences in count.lost.items():
        for sentence in sentences:
            print(f"lost over the {transport}: {sentence}")
    figures = {
        "answers_total": count.total,
        **{f"answers_{transport}": count.given[transport] for transport in count.lost},
        "answers_lost": count.total_lost,
        "answers_told_in_the_channel": count.told_in_the_channel,
        "answers_troubles": count.troubles,
        "answers_lost_control": lost_by_control,
    }
    for name, value in figures.items():
        print(f"{name:30} {value:6}")
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(figures, indent=2))
    return 0 if count.total_lost == 0 < lost_by_control else 1


if __name__ == "__main__":
    sys.exit(main())
