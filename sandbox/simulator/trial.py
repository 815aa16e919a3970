"""One seed tried: its life, its judgement, and what to remember of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sandbox.simulator.judgement import judge
from sandbox.simulator.life import Life
from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import Plan
from sandbox.simulator.record import Violation
from sandbox.simulator.situations import reached


@dataclass(frozen=True)
class Trial:
    plan: Plan
    violations: tuple[Violation, ...]
    tally: Counter[str]
    reached: Counter[str]
    """The situations that it came into."""


def tried(plan: Plan, parts: Parts | None = None) -> Trial:
    """Run the plan once, from beginning to end."""
    life = Life(plan, parts or Parts())
    life.run()
    violations = tuple(judge(life))
    tally = life.record.tally
    tally["commands"] += len(plan.commands)
    tally["operations"] += len(life.record.operations)
    tally["writes of state"] += len(life.record.commits)
    return Trial(plan, violations, tally, reached(life))
