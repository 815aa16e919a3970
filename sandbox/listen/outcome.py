"""What came of listening to one input: the JSON, the exit code, and a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.listen.answers import Answer
from sandbox.listen.children import Child
from sandbox.listen.sound import Heard
from timmybot.domain.wording import clock_time

HEARD, UNHEARD, MISUSED, WORKER_ENDED, BROKEN = 0, 1, 2, 3, 70
"""Exit codes. The last is that of the tool itself failing (``EX_SOFTWARE`` of sysexits.h)."""


@dataclass(frozen=True)
class Outcome:
    """Of one input. ``zero`` is the moment from which times count (monotonic seconds)."""

    input: str
    zero: float
    heard: Heard
    answers: tuple[Answer, ...]
    title: str | None
    length_ms: int | None
    position_ms: int | None
    failure: str | None
    worker_pids: tuple[int, ...]
    worker_ended: str | None
    children: tuple[Child, ...]
    silence: str = "Nothing was heard, and nobody was told why."
    """What to say where nothing was heard and the bot gave no reason."""

    @property
    def exit_code(self) -> int:
        if self.worker_ended is not None:
            return WORKER_ENDED
        return HEARD if self.heard.sounding_s > 0 else UNHEARD

    @property
    def sentence(self) -> str | None:
        """Why the exit code is not 0."""
        if self.worker_ended is not None:
            return f"The worker ended by itself ({self.worker_ended})."
        return None if self.exit_code == HEARD else self.failure or self.silence

    def as_json(self) -> dict[str, Any]:
        """See docs/listen.md."""
        return {
            "input": self.input,
            "exit": self.exit_code,
            "sentence": self.sentence,
            "title": self.title,
            "length_ms": self.length_ms,
            "heard_s": self.heard.sounding_s,
            "position_ms": self.position_ms,
            "failure": self.failure,
            "answers": [
                {"at_s": round(each.at - self.zero, 3), "text": each.text, "ephemeral": each.ephemeral}
                for each in self.answers
            ],
            "seconds": [
                {
                    "at_s": each.at_s,
                    "hz": each.hz,
                    "dbfs": each.dbfs,
                    "gap_ms": each.gap_ms,
                    "late_frames": each.late_frames,
                }
                for each in self.heard.seconds
            ],
            "worker_pids": [self.worker_pids[0], self.worker_pids[-1]] if self.worker_pids else [None, None],
            "worker_ended": self.worker_ended,
            "children": [{"pid": each.pid, "kind": each.kind, "ended": each.ended} for each in self.children],
        }

    def as_table(self) -> Iterator[str]:
        """Lines for people."""
        length = "unknown length" if self.length_ms is None else clock_time(self.length_ms)
        yield f"{self.input}: {self.title or 'no title'} ({length}), {self.heard.sounding_s:.1f} s heard" + (
            "" if self.position_ms is None else f", now at {clock_time(self.position_ms)}"
        )
        if self.sentence:
            yield f"  {self.sentence}"
        elif self.failure:
            yield f"  The member was told: {self.failure}"
        if self.heard.seconds:
            yield "  second      Hz    dBFS  gap ms  late"
        for row in self.heard.seconds:
            hz = "-" if row.hz is None else f"{row.hz:.1f}"
            dbfs = "-" if row.dbfs is None else f"{row.dbfs:.1f}"
            yield f"  {row.at_s:6d}  {hz:>6}  {dbfs:>6}  {row.gap_ms:6d}  {row.late_frames:4d}"
        for answer in self.answers:
            yield f"  {answer.at - self.zero:7.2f} s  {' / '.join(answer.text.splitlines())}"
        if len(self.worker_pids) > 1:
            yield f"  worker {self.worker_pids[0]}, then {', '.join(map(str, self.worker_pids[1:]))}"
        for child in self.children:
            yield f"  child {child.pid} ({child.kind}): {child.ended or 'alive'}"
