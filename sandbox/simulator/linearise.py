"""Is there an order of a guild's operations that explains every answer? A search over all orders that keep to time.

Source: J. M. Wing, C. Gong, "Testing and Verifying Concurrent Objects" (1993); the memory of configurations already
tried is from G. Lowe, "Testing for Linearizability" (2017).

An operation whose outcome nobody was told may be put anywhere after its beginning, or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.simulator.explaining import after, is_unknown, is_void
from sandbox.simulator.guild_model import GuildModel
from sandbox.simulator.record import Operation

_MOST_CONFIGURATIONS = 200_000


@dataclass(frozen=True)
class Verdict:
    explained: bool
    stuck_at: tuple[Operation, ...] = ()
    """The operations that could not be explained after everything before them was."""
    then: GuildModel | None = None
    gave_up: bool = False


def explain(operations: Sequence[Operation]) -> Verdict:
    """Look for an order of one guild's operations, from the guild that never asked for anything."""
    sure = sorted((each for each in operations if not is_unknown(each) and not is_void(each)), key=lambda o: o.returned)
    unsure = sorted((each for each in operations if is_unknown(each)), key=lambda o: o.invoked)
    ordered = [*sure, *unsure]
    all_sure = (1 << len(sure)) - 1
    stack: list[tuple[int, GuildModel]] = [(0, GuildModel())]
    tried: set[tuple[int, GuildModel]] = set(stack)
    furthest, furthest_count = stack[0], -1
    while stack:
        done, guild = stack.pop()
        if done & all_sure == all_sure:
            return Verdict(explained=True)
        if (count := (done & all_sure).bit_count()) > furthest_count:
            furthest, furthest_count = (done, guild), count
        for configuration in _steps(ordered, len(sure), done, guild):
            if configuration not in tried:
                tried.add(configuration)
                stack.append(configuration)
        if len(tried) > _MOST_CONFIGURATIONS:
            return Verdict(explained=True, gave_up=True)
    done, guild = furthest
    deadline = min((each.returned for n, each in enumerate(sure) if not done >> n & 1), default=0.0)
    stuck = tuple(each for n, each in enumerate(sure) if not done >> n & 1 and each.invoked <= deadline)
    return Verdict(explained=False, stuck_at=stuck, then=guild)


def _steps(ordered: Sequence[Operation], sure: int, done: int, guild: GuildModel) -> list[tuple[int, GuildModel]]:
    """What may come next, the likeliest last."""
    deadline = float("inf")
    for number in range(sure):
        if not done >> number & 1:
            deadline = ordered[number].returned
            break
    steps = []
    for number in range(len(ordered) - 1, -1, -1):
        operation = ordered[number]
        if done >> number & 1 or operation.invoked > deadline:
            continue
        changed = after(guild, operation)
        if changed is None or (number >= sure and changed == guild):
            continue
        steps.append((done | 1 << number, changed))
    return steps
