"""The bot survives what the simulator does to it, and the simulator notices when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from sandbox.simulator.mutants import catch
from sandbox.simulator.narrative import told
from sandbox.simulator.plan import Kind, Plan, plan_of
from sandbox.simulator.safeguards import SAFEGUARDS, Safeguard
from sandbox.simulator.shrink import shortest
from sandbox.simulator.situations import REACHABLE
from sandbox.simulator.trial import Trial, tried

SEEDS = 300
FEW = 40
"""Seeds that a mutant is given here. The rarer catches are `make simulate MUTANTS=1`'s, in docs/safeguards.md."""

RARE = (Kind.PAUSE, Kind.REFUSE)
"""Faults that lead where few seeds come: a stale writer, a player that was away."""
FEW_RARE = 80

OFTEN_MISSED = (
    "a guild is claimed before the first act",
    "a claim raises the version",
    "commands' writes are conditional on the version",
    "the ring of interaction ids",
    "observers time expiry on their own clock",
    "positions ride in the heartbeat",
    "the level scan",
    "the identify budget",
    "what is ended is the playing that was meant",
    "an entry is picked by its number once, and then meant by its id",
    "a new writing is pointed at under the version",
    "the number of a new writing is handed out",
    "a draining worker holds what it has not handed over",
    "what could not be released stays held",
    "the next owner is named",
    "an answer is owed until Discord takes it",
    "who is thrown out stops once, though the answer be lost",
    "the right is stamped before the call",
    "what sounds is compared with what was chosen",
    "what failed before its turn is opened once more",
    "what ended before its turn has ended (if it is not opened once more)",
    "a failure is told by the track's name",
    "a decoder's crash is recorded before the next try",
    "a suspect is marked before it is opened",
    "who was not marked is not blamed",
    "suspects are tried alone at last",
    "a stream goes on in another media child",
    "it goes on where its buffer ends",
    "only who is marked is blamed",
    "a media child that stands still is looked for",
)


def test_every_seed_keeps_every_promise() -> None:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        trials = list(pool.map(_try, range(SEEDS), chunksize=10))
        rare = list(pool.map(_try_what_is_rare, range(FEW_RARE), chunksize=10))
    broken = {trial.plan.seed: trial.violations[0] for trial in trials if trial.violations}
    assert not broken, f"python -m sandbox.simulator --seed {min(broken)} --verbose"
    rarely_broken = {trial.plan.seed: trial.violations[0] for trial in rare if trial.violations}
    assert not rarely_broken, f"plan_of({min(rarely_broken)}, RARE)"
    assert sum(trial.tally["operations"] for trial in trials) > 20 * SEEDS
    reached = sum((trial.reached for trial in [*trials, *rare]), Counter[str]())
    assert not [name for name in REACHABLE if not reached[name]], "no seed came into these situations"
    assert sum(trial.tally["histories too long to decide"] for trial in trials) == 0


@pytest.mark.parametrize("name", OFTEN_MISSED)
def test_a_bot_without_its_safeguard_is_caught(name: str) -> None:
    assert catch(_named(name), FEW).violation, "the simulator did not notice"


def test_a_seed_replays_exactly_in_another_process_too() -> None:
    first = "\n".join(told(plan_of(9)))
    command = [sys.executable, "-m", "sandbox.simulator", "--seed", "9", "--verbose"]
    again = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert first in again.stdout


def test_a_failure_is_told_by_its_shortest_history() -> None:
    safeguard = _named("the ring of interaction ids")
    with safeguard.without() as parts:
        plan, rule = next(_failing(safeguard))
        short = shortest(plan, rule, parts)
        assert rule in {violation.rule for violation in tried(short, parts).violations}
        assert len(short.commands) <= 3
        assert not short.faults
        assert any("VIOLATED" in line for line in told(short, parts))


def _failing(safeguard: Safeguard):  # type: ignore[no-untyped-def]  # plans and the rules they break
    with safeguard.without() as parts:
        for seed in range(FEW):
            plan: Plan = plan_of(seed, safeguard.faults)
            violations = tried(plan, parts).violations
            if violations:
                yield plan, violations[0].rule


def _named(name: str) -> Safeguard:
    return next(safeguard for safeguard in SAFEGUARDS if safeguard.name == name)


def _try(seed: int) -> Trial:
    return tried(plan_of(seed))


def _try_what_is_rare(seed: int) -> Trial:
    return tried(plan_of(seed, RARE))
