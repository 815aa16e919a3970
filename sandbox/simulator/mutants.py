"""Switches each safeguard off in turn and says after how many seeds it was missed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox.simulator.plan import plan_of
from sandbox.simulator.record import Violation
from sandbox.simulator.safeguards import SAFEGUARDS, Safeguard
from sandbox.simulator.trial import tried

SEEDS = 400
"""How many seeds a mutant is given. One that survives them is a safeguard that is not needed, or not tested."""


BY_HAND = "## What is allowed"
"""From this heading on, the page is written by hand, and kept."""


@dataclass(frozen=True)
class Caught:
    safeguard: str
    seeds: int
    """How many it took, or how many it survived."""
    violation: Violation | None
    kept_because: str = ""


def catch(safeguard: Safeguard, seeds: int = SEEDS) -> Caught:
    """Try seeds until one breaks a rule without the safeguard, and not with it."""
    for seed in range(seeds):
        plan = plan_of(seed, safeguard.faults)
        with safeguard.without() as parts:
            broken = tried(plan, parts).violations
        known = {violation.rule for violation in tried(plan, safeguard.beside).violations} if broken else set()
        new = [violation for violation in broken if violation.rule not in known]
        if new:
            return Caught(safeguard.name, seed + 1, new[0])
    return Caught(safeguard.name, seeds, None, safeguard.kept_because)


def catch_all(workers: int) -> Iterator[Caught]:
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_catch, range(len(SAFEGUARDS)))


def _catch(number: int) -> Caught:
    return catch(SAFEGUARDS[number])


def table(results: list[Caught]) -> str:
    """The table of ``docs/safeguards.md``."""
    lines = ["| safeguard | without it, this broke | after seeds |", "|---|---|---|"]
    for each in results:
        broke = each.violation.rule if each.violation else f"nothing: {each.kept_because or '**not tested**'}"
        lines.append(f"| {each.safeguard} | {broke} | {each.seeds} |")
    return "\n".join(lines)


def write(results: list[Caught], path: Path) -> None:
    _, heading, rest = path.read_text().partition(BY_HAND) if path.exists() else ("", "", "")
    by_hand = f"\n{heading}{rest}" if heading else ""
    path.write_text(
        "# Safeguards, and what breaks without them\n\n"
        "Written by `make simulate MUTANTS=1`: each safeguard is switched off in turn, and the simulator has to\n"
        "notice. What is switched off is in `sandbox/simulator/safeguards.py`, the rules that break are in\n"
        "`judgement.py`, `hearing.py`, `places.py` and `blaming.py` beside it. Only a rule that the same seed keeps\n"
        "with the safeguard counts.\n\n"
        f"{table(results)}\n{by_hand}"
    )
