"""A worker that is not quite what the image holds: its wall clock is off, or it is of the next release.

The scheduler runs this file in place of ``timmybot``. What to be stands in the JSON file that ``SANDBOX_WORKER`` names,
and is read once, at the start: ``{"clock_skew_seconds": 120}``, ``{"release": "next"}`` (or ``"reads 2"``, or
``"writes 2"``), or nothing.
Limit: ``time.time`` is what is skewed, and so what the bot's own clock says; botocore signs with the true time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path


def skew_clock(seconds: float) -> None:
    """Let the wall clock be wrong by ``seconds``; the monotonic clock stays what it is."""
    true_time = time.time
    time.time = lambda: true_time() + seconds


def become_next_release() -> None:
    """Write a field that today's release does not know into every record of guilds, leases and heartbeats."""
    # Before anything else takes the function by its name.
    from timmybot.ports.records import fields as records  # noqa: PLC0415

    today = records.with_schema

    def with_next_schema(fields: Mapping[str, object]) -> dict[str, object]:
        return today({**fields, "written_by": "the next release"})

    records.with_schema = with_next_schema


def become_release_of_schema_2(*, writes: bool) -> None:
    """Read records of schema 2 as well as of 1; with ``writes``, write them, which today's release cannot read."""
    # Before anything else takes the numbers by their names.
    from timmybot.ports.records import fields as records  # noqa: PLC0415

    records.READABLE = frozenset({1, 2})
    if writes:
        records.SCHEMA = 2


def main() -> int:
    wanted = json.loads(Path(os.environ["SANDBOX_WORKER"]).read_text())
    if wanted.get("clock_skew_seconds"):
        skew_clock(float(wanted["clock_skew_seconds"]))
    if wanted.get("release") == "next":
        become_next_release()
    if wanted.get("release") in ("reads 2", "writes 2"):
        become_release_of_schema_2(writes=wanted["release"] == "writes 2")
    from timmybot.entrypoints.cli import main as timmybot  # noqa: PLC0415  # it must see the changes above

    return int(timmybot() or 0)


if __name__ == "__main__":
    sys.exit(main())
