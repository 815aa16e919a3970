"""Makes a failing plan as short as it gets: fewer faults, then fewer commands, and the same rule still broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import Plan
from sandbox.simulator.trial import tried

T = TypeVar("T")

_MOST_TRIALS = 300


def shortest(plan: Plan, rule: str, parts: Parts | None = None) -> Plan:
    """A plan in which nothing can be left out without ``rule`` being kept."""
    left = _MOST_TRIALS

    def fails(candidate: Plan) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and any(violation.rule == rule for violation in tried(candidate, parts).violations)

    plan = replace(plan, faults=_fewest(plan.faults, lambda faults: fails(replace(plan, faults=faults))))
    return replace(plan, commands=_fewest(plan.commands, lambda commands: fails(replace(plan, commands=commands))))


def _fewest(items: tuple[T, ...], fails: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    """Leave out halves, quarters, ... and single ones for as long as it still fails.

    Source: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002).
    """
    size = max(len(items) // 2, 1)
    while items:
        for start in range(0, len(items), size):
            fewer = _without(items, start, size)
            if fails(fewer):
                items = fewer
                break
        else:
            if size == 1:
                break
            size = max(size // 2, 1)
    return items


def _without(items: Sequence[T], start: int, size: int) -> tuple[T, ...]:
    return (*items[:start], *items[start + size :])
