"""The network of this machine is away from a bot for a while, in a network namespace of its own.

It needs ``unshare`` and ``ip``, as root or where users may make namespaces. Elsewhere the fault says that it was left
out, and as root with ``CI=true`` it fails then.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sandbox.demo.report import Report, StepFailed

if TYPE_CHECKING:
    from sandbox.chaos.ground import Ground

WAYS = (("unshare", "-n"), ("unshare", "-rn"))
"""As root, and as a user who may be root in a namespace of their own."""
PROBE = "ip link set lo up && ip rule add pref 20 unreachable"
PROGRAM = "sandbox.chaos.outage"
SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 120.0
SPARE_SECONDS = 120.0
"""What a whole run may take beside its outages."""


class Outage(NamedTuple):
    seconds: float
    with_source: bool
    """The audio source is away too, and not Discord alone."""

    @property
    def name(self) -> str:
        return f"network_{self.seconds:.0f}s_{'with' if self.with_source else 'without'}_source"


OUTAGES = (Outage(8.0, True), Outage(30.0, True), Outage(8.0, False), Outage(20.0, False))


async def network_outage(ground: Ground, report: Report) -> None:
    await endure_outages(ground.cloud.logs / "network", OUTAGES, report)


async def endure_outages(
    directory: Path,
    outages: Sequence[Outage],
    report: Report,
    *,
    ways: Sequence[Sequence[str]] = WAYS,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """One bot lives through the outages; ``directory`` gets what it leaves. Raises :class:`StepFailed`."""
    way, why_not = await namespace(ways)
    if way is None:
        if must_run(environment, os.geteuid()):
            raise StepFailed(f"a network namespace has to be allowed here: {why_not}")
        report.tell(f"LEFT OUT: this machine allows no network namespace ({why_not})")
        return
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing else runs here yet
    told = directory / "outage.json"
    with (directory / "outage.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(*way, sys.executable, "-m", PROGRAM, str(directory)),
            *(f"{outage.seconds}:{int(outage.with_source)}" for outage in outages),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            async with asyncio.timeout(SPARE_SECONDS + sum(outage.seconds + 30.0 for outage in outages)):
                await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    if not told.exists():
        raise StepFailed(f"it ended with {process.returncode} and told nothing: see {directory.name}/outage.log")
    _tell_on(json.loads(told.read_text()), report)


async def namespace(ways: Sequence[Sequence[str]]) -> tuple[Sequence[str] | None, str]:
    """How to begin a program in a network namespace, or why that is not allowed here."""
    why_not = "there is no unshare or no ip"
    if not (shutil.which("unshare") and shutil.which("ip")):
        return None, why_not
    for way in ways:
        process = await asyncio.create_subprocess_exec(
            *(*way, "sh", "-c", PROBE), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        if process.returncode == 0:
            return way, ""
        why_not = said.decode(errors="replace").strip()
    return None, why_not


def must_run(environment: Mapping[str, str], user: int) -> bool:
    """Whether to leave the fault out would hide something: root may do this on the machines that judge a change."""
    return environment.get("CI") == "true" and user == 0


def _tell_on(told: Mapping[str, object], report: Report) -> None:
    steps, figures = told["steps"], told["figures"]
    assert isinstance(steps, list)
    assert isinstance(figures, dict)
    for step in steps:
        for line in str(step["detail"]).splitlines():
            report.tell(line)
    for name, value in figures.items():
        report.figure(name, value)
    if not told["ok"]:
        raise StepFailed("an outage cost more than is promised")
