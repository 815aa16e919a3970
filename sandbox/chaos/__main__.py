"""Let faults loose: ``python -m sandbox.chaos [NAME...]``; ``scaling`` shows how the service spreads and sleeps.

Writes ``build/chaos.json`` (or ``build/scaling.json``). Exit status 0 only if everything that is promised held.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

from sandbox.chaos import scaling
from sandbox.chaos.faults import FAULTS, Fault
from sandbox.chaos.ground import Ground, ground
from sandbox.demo.report import Report, StepFailed

BUILD = Path(__file__).parents[2] / "build"
GUILDS = (3, 11)


def main() -> int:
    names = [fault.name for fault in FAULTS]
    arguments = argparse.ArgumentParser(prog="make chaos")
    arguments.add_argument("names", nargs="*", choices=[*names, "scaling", []], help="which faults; all, unless said")
    wanted = arguments.parse_args().names or names
    report = Report()
    directory = Path(tempfile.mkdtemp(prefix="timmybot-chaos-"))
    logging.basicConfig(filename=directory / "sandbox.log", level=logging.INFO)
    began = time.monotonic()
    figures = "scaling" if "scaling" in wanted else "chaos"
    try:
        asyncio.run(_scaling(directory, report) if figures == "scaling" else _chaos(directory, report, wanted))
    except (StepFailed, TimeoutError) as failure:
        report.line(f"It could not go on: {failure}")
    finally:
        if not report.ok:
            _keep_logs(directory, report)
        shutil.rmtree(directory, ignore_errors=True)
        report.figure("total_seconds", time.monotonic() - began)
        report.write(BUILD / f"{figures}.json")
    verdict = "Everything held" if report.ok else "NOT everything held"
    report.line(f"\n{verdict} ({time.monotonic() - began:.0f} s); figures are in build/{figures}.json.")
    return 0 if report.ok else 1


async def _chaos(directory: Path, report: Report, wanted: list[str]) -> None:
    async with ground(directory, guilds=GUILDS) as one:
        for fault in FAULTS:
            if fault.name in wanted:
                await endure(one, report, fault)


async def endure(one: Ground, report: Report, fault: Fault) -> None:
    """Let one fault loose on a ground that rests, and let it rest again. A fault that does not hold is told."""
    try:
        with report.step(fault.sentence):
            await fault.act(one, report)
    except StepFailed:
        report.line(f"   its logs are in {one.cloud.logs}")
    await one.rest()


async def _scaling(directory: Path, report: Report) -> None:
    async with ground(directory, guilds=scaling.SHARDS, choices=scaling.CHOICES, speed=scaling.SPEED) as one:
        await scaling.tell(one, report)


def _keep_logs(directory: Path, report: Report) -> None:
    kept = BUILD / "chaos-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in directory.rglob("*.log"):
        shutil.copy(log, kept / "-".join(log.relative_to(directory).parts))
    report.line(f"The logs are in build/{kept.name}.")


if __name__ == "__main__":
    sys.exit(main())
