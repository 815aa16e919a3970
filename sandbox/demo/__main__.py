"""Run the demo: ``python -m sandbox.demo [--keep]``. Exit status 0 only if every step held."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

from sandbox.demo.keep import keep_running
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.stage import stage
from sandbox.demo.story import tell

BUILD = Path(__file__).parents[2] / "build"
NEXT = """
What to try next:
  make demo KEEP=1     the same, left running: send commands of your own
  make test            everything that is promised, checked
  timmybot run         your own bot, with a token from Discord and no AWS (README.md)
  docs/tour.md         follow one /play through the code"""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make demo")
    arguments.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = arguments.parse_args().keep
    report = Report()
    directory = Path(tempfile.mkdtemp(prefix="timmybot-demo-"))
    # The story is told by the report alone; what the sandbox logs belongs to it only when something fails.
    logging.basicConfig(filename=directory / "sandbox.log", level=logging.INFO)
    began = time.monotonic()
    try:
        asyncio.run(_demo(directory, report, keep=keep))
    except StepFailed as failure:
        report.line(f"\nThe story broke off: {failure}")
        _keep_logs(directory, report)
    except KeyboardInterrupt:
        report.line("\nStopped. Nothing is left running.")
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        report.figure("total_seconds", time.monotonic() - began)
        report.write(BUILD / "demo.json")
    report.line(f"\n{'Every step held' if report.ok else 'NOT every step held'}; figures are in build/demo.json.")
    if report.ok:
        report.line(NEXT)
    return 0 if report.ok else 1


async def _demo(directory: Path, report: Report, *, keep: bool) -> None:
    report.line("TimmyBot on this machine: AWS and Discord are played by the sandbox, everything else is real.")
    async with stage(directory) as set_stage:
        await tell(set_stage, report)
        if keep:
            await keep_running(set_stage, report)


def _keep_logs(directory: Path, report: Report) -> None:
    """Put the logs of what failed where they can be read."""
    kept = BUILD / "demo-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in directory.rglob("*.log"):
        shutil.copy(log, kept / "-".join(log.relative_to(directory).parts))
    report.line(f"The logs are in build/{kept.name}.")


if __name__ == "__main__":
    sys.exit(main())
