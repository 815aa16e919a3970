"""``python -m sandbox.simulator``: try many seeds, one seed, or every safeguard's mutant."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sandbox.positive import positive
from sandbox.simulator.mutants import catch_all, table, write
from sandbox.simulator.narrative import told
from sandbox.simulator.plan import plan_of
from sandbox.simulator.shrink import shortest
from sandbox.simulator.situations import REACHABLE
from sandbox.simulator.trial import Trial, tried

REPORT = Path("build/simulate.json")
SAFEGUARDS = Path("docs/safeguards.md")
_CHUNK = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulator", description=__doc__)
    parser.add_argument("--seeds", type=positive, default=200, help="how many seeds to try")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="try this one alone")
    parser.add_argument("--verbose", action="store_true", help="with --seed: tell all that happened")
    parser.add_argument("--mutants", action="store_true", help=f"switch every safeguard off; writes {SAFEGUARDS}")
    parser.add_argument("--workers", type=positive, default=os.cpu_count() or 1, help="processes to use")
    asked = parser.parse_args()
    if asked.mutants:
        return _mutants(asked.workers)
    if asked.seed is not None:
        return _one(asked.seed, verbose=asked.verbose)
    return _many(range(asked.first, asked.first + asked.seeds), asked.workers)


def _many(seeds: range, workers: int) -> int:
    begun = time.monotonic()
    tally: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    failed: list[Trial] = []
    with ProcessPoolExecutor(workers) as pool:
        for number, trial in enumerate(pool.map(_trial, seeds, chunksize=_CHUNK), start=1):
            tally += trial.tally
            reached += trial.reached
            if trial.violations:
                failed.append(trial)
                print(f"seed {trial.plan.seed}: {trial.violations[0].rule}: {trial.violations[0].what}")
            if number % 250 == 0:
                print(f"{number} seeds, {len(failed)} failed, {number / (time.monotonic() - begun):.1f} a second")
    seconds = time.monotonic() - begun
    _report(seeds, failed, tally, reached, seconds)
    print("situations, and how many lives came into them:")
    print("\n".join(f"{reached[name]:8,}  {name}" for name in REACHABLE))
    print(f"{len(seeds)} seeds in {seconds:.0f} s, {tally['operations']:,} operations, {len(failed)} failed: {REPORT}")
    if failed:
        _explain(failed[0])
    undecided = tally["histories too long to decide"]
    if undecided:
        print(f"{undecided} of {tally['histories explained']:,} histories were too long to decide, and prove nothing")
    return 1 if failed else 0


def _one(seed: int, *, verbose: bool) -> int:
    trial = tried(plan_of(seed))
    if verbose:
        print("\n".join(told(trial.plan)))
    elif trial.violations:
        _explain(trial)
    print(f"seed {seed}: {len(trial.violations)} violations")
    return 1 if trial.violations else 0


def _explain(trial: Trial) -> None:
    """The shortest history that breaks the same rule."""
    rule = trial.violations[0].rule
    print(f"\nThe shortest history found for seed {trial.plan.seed} ({rule}):")
    print("\n".join(told(shortest(trial.plan, rule), log=False)))
    print(f"\nAll of it: python -m sandbox.simulator --seed {trial.plan.seed} --verbose")


def _mutants(workers: int) -> int:
    results = []
    for each in catch_all(workers):
        results.append(each)
        found = f"caught after {each.seeds}: {each.violation.rule}" if each.violation else "SURVIVED"
        print(f"{each.safeguard}: {found}", flush=True)
    print("\n" + table(results))
    SAFEGUARDS.parent.mkdir(exist_ok=True)
    write(results, SAFEGUARDS)
    return 0 if all(each.violation or each.kept_because for each in results) else 1


def _trial(seed: int) -> Trial:
    return tried(plan_of(seed))


def _report(seeds: range, failed: list[Trial], tally: Counter[str], reached: Counter[str], seconds: float) -> None:
    faults = {
        name.removeprefix("fault: "): count for name, count in sorted(tally.items()) if name.startswith("fault: ")
    }
    REPORT.parent.mkdir(exist_ok=True)
    report = {
        "ok": not failed,
        "seeds": len(seeds),
        "first_seed": seeds.start,
        "seconds": round(seconds, 1),
        "seeds_per_second": round(len(seeds) / seconds, 1),
        "operations": tally["operations"],
        "faults": faults,
        "situations": {name: reached[name] for name in REACHABLE},
        "figures": {name: count for name, count in sorted(tally.items()) if not name.startswith("fault: ")},
        "failed": {
            trial.plan.seed: sorted({f"{violation.rule}: {violation.what}" for violation in trial.violations})
            for trial in failed
        },
    }
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
