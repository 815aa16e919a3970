"""Tells a life, line by line, in the order of time."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sandbox.simulator.judgement import judge
from sandbox.simulator.life import Life
from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import Plan
from sandbox.simulator.record import Record

Line = tuple[float, str]


def told(plan: Plan, parts: Parts | None = None, *, log: bool = True) -> list[str]:
    """Run the plan and tell it: commands and answers, writes, owners, sound, faults, the workers' log, violations."""
    life = Life(plan, parts or Parts())
    heard = _Log(life)
    logger = logging.getLogger("timmybot")
    level = logger.level
    if log:
        logger.setLevel(logging.INFO)
        logger.addHandler(heard)
    try:
        life.run()
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)
    violations = judge(life)
    lines = [*heard.lines, *_events(life.record), *((fault.at, f"! {fault.kind.value} for {fault.seconds:.1f} s "
             f"(target {fault.target}, strength {fault.strength:.2f})") for fault in plan.faults)]  # fmt: skip
    lines += [(violation.at, f"VIOLATED: {violation.rule}: {violation.what}") for violation in violations]
    return [f"{at:8.3f}  {what}" for at, what in sorted(lines, key=lambda line: line[0])]


def _events(record: Record) -> Iterator[Line]:
    for each in record.operations:
        yield each.invoked, f"guild {each.guild}: {each.name} {each.tag}"
        if each.answer is not None:
            yield each.returned, f"guild {each.guild}: {each.name} {each.tag} -> {each.shown or each.answer!r}"
    for commit in record.commits:
        state = commit.after
        yield (
            commit.at,
            f"guild {commit.guild}: {commit.by} wrote version {state.version} under epoch {commit.epoch}: "
            f"{state.current} as {state.play_id}, {state.waiting} waiting{', paused' if state.paused else ''}",
        )
    for owned in record.ownerships:
        yield owned.at, f"shard {owned.shard}: owner {owned.owner}, epoch {owned.epoch}"
    for segment in record.segments:
        where = "" if segment.heard else ", unheard"
        yield segment.start, f"guild {segment.guild}: {segment.worker} sends {segment.tag} at {segment.from_ms}{where}"
        yield segment.end, f"guild {segment.guild}: {segment.worker} is silent at {segment.to_ms}"


class _Log(logging.Handler):
    def __init__(self, life: Life) -> None:
        super().__init__(logging.INFO)
        self.lines: list[Line] = []
        self._life = life

    def emit(self, record: logging.LogRecord) -> None:
        error = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self.lines.append((self._life.around.loop.now, f"    {record.levelname.lower()}: {record.getMessage()}{error}"))
