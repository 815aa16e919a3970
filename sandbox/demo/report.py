"""The story as it is told in the terminal, and as ``build/demo.json``."""

from __future__ import annotations

import json
import sys
import time
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from sandbox.demo.judgement import Verdict


class StepFailed(Exception):
    """A sentence of the story did not hold."""


@dataclass
class Step:
    name: str
    ok: bool = False
    stopped: bool = False
    """The person at the keyboard broke it off, so its outcome is unknown."""
    seconds: float = 0.0
    detail: list[str] = field(default_factory=list)


class Report:
    """Tells each step as it happens, and keeps it."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self.steps: list[Step] = []
        self.figures: dict[str, float] = {}

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A step of the story; it holds if nothing in it fails."""
        step = Step(name)
        self.steps.append(step)
        self.line(f"\n{len(self.steps)}. {name}")
        began = time.monotonic()
        try:
            yield step
            step.ok = True
        except (StepFailed, TimeoutError) as failure:
            self.tell(f"FAILED: {failure}")
            raise StepFailed(name) from failure
        except (KeyboardInterrupt, CancelledError):
            step.stopped = True
            raise
        finally:
            step.seconds = round(time.monotonic() - began, 2)
            outcome = "held" if step.ok else "stopped" if step.stopped else "DID NOT HOLD"
            self.line(f"   {outcome} ({step.seconds:.1f} s)")

    def tell(self, sentence: str) -> None:
        """A sentence of the current step."""
        self.steps[-1].detail.append(sentence)
        for line in sentence.splitlines():
            self.line(f"   {line}")

    def judge(self, verdict: Verdict, about: str) -> None:
        """Tell a verdict; the step fails if it is not good. Raises :class:`StepFailed`."""
        sentence = f"{about}: {verdict.detail}"
        if not verdict.ok:
            raise StepFailed(sentence)
        self.tell(sentence)

    def figure(self, name: str, value: float) -> None:
        self.figures[name] = round(value, 3)

    def line(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def write(self, path: Path) -> None:
        steps = [{**asdict(step), "detail": "\n".join(step.detail)} for step in self.steps]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"ok": self.ok, "steps": steps, "figures": self.figures}, indent=2) + "\n")
