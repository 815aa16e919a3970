"""``python -m sandbox.bench [--quick] [--only NAME]``: measure, print the table, write ``build/bench.json``.

Only a whole run is written there, for figures of several runs are not to be compared: a quick one, or one of some
parts, goes to ``build/bench-part.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox.bench.extent import QUICK, Extent
from sandbox.bench.figures import Figures
from sandbox.bench.parts import PARTS
from sandbox.bench.room import room
from sandbox.bench.stand import StandFailed

DIRECTORY = Path("build/bench")
RESULT = Path("build/bench.json")
PARTIAL_RESULT = Path("build/bench-part.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when everything asked for was measured or said why not; whether targets were met does not count."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description="Measure what the note reports.")
    parser.add_argument("--quick", action="store_true", help="see that it works, in a minute; not for quoting")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="NAME", help=f"one of: {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    if sys.platform != "linux":
        print("The bench needs Linux: it reads the kernel's times of arrival and /proc.", file=sys.stderr)
        return 2
    allow_descriptors()
    extent = QUICK if options.quick else Extent()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    figures = asyncio.run(measure(options.only or list(PARTS), extent))
    print()
    for line in figures.lines():
        print(line)
    result = PARTIAL_RESULT if options.quick or options.only else RESULT
    figures.write(result)
    print(f"\nWritten to {result}.")
    return 0


def allow_descriptors() -> None:
    """As many as the system lets us have, here and in the stands: a thousand streams want three thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def measure(parts: Sequence[str], extent: Extent, directory: Path = DIRECTORY) -> Figures:
    """Measure the parts named, one after another."""
    figures = Figures()
    async with room(directory) as place:
        for name in parts:
            begin = time.monotonic()
            print(f"{name} (load {os.getloadavg()[0]:.1f}) ...", end="", flush=True)
            try:
                await PARTS[name](place, figures, extent)
            except StandFailed as error:  # the other parts are worth having
                figures.not_measured[name] = str(error)
            print(f" {time.monotonic() - begin:.0f} s", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
