"""Mutates inputs, and keeps those that lead a parser along lines in an order that is new."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final

from sandbox.fuzz.mutation import mutated
from sandbox.fuzz.targets import Target

CORPUS: Final = Path(__file__).parent / "corpus"

Step = tuple[int, int]
"""From a line to a line."""


class Broken(Exception):
    """An input for which something does not hold that must; ``__cause__`` says what."""

    def __init__(self, target: str, data: bytes) -> None:
        super().__init__(f"{target}: {data[:60]!r}")
        self.target = target
        self.data = data


@dataclass
class Fuzzing:
    """Of one target. The same seed and corpus give the same inputs."""

    target: Target
    dice: Random
    corpus: list[bytes] = field(default_factory=list)
    steps: set[Step] = field(default_factory=set)
    tried: int = 0
    kept: list[bytes] = field(default_factory=list)
    """What was new, and is in no corpus yet."""

    def begin(self, corpus: Iterable[bytes]) -> None:
        """Try the corpus as it is. Raises :class:`Broken`."""
        for data in corpus:
            self.steps |= self._traced(data)
            self.corpus.append(data)

    def go_on(self, goes_on: Callable[[], bool]) -> None:
        """Raises :class:`Broken`."""
        while goes_on():
            data = mutated(self.dice.choice(self.corpus), self.dice.choice(self.corpus), self.dice)
            if self.dice.randrange(2):
                data = self.target.finish(data)
            new = self._traced(data) - self.steps
            if new:
                self.steps |= new
                self.corpus.append(data)
                self.kept.append(data)

    def _traced(self, data: bytes) -> set[Step]:
        self.tried += 1
        steps: set[Step] = set()
        file = self.target.module.__file__

        def enter(frame: FrameType, event: str, value: Any) -> Any:
            if frame.f_code.co_filename != file:
                return None
            before = 0

            def line(frame: FrameType, event: str, value: Any) -> Any:
                nonlocal before
                steps.add((before, frame.f_lineno))
                before = frame.f_lineno
                return line

            return line

        outer = sys.gettrace()
        sys.settrace(enter)
        try:
            self.target.check(data)
        except Exception as error:
            raise Broken(self.target.name, data) from error
        finally:
            sys.settrace(outer)
        return steps


def corpus_of(target: Target) -> list[bytes]:
    """The committed inputs, in the order of their names."""
    return [path.read_bytes() for path in sorted((CORPUS / target.name).iterdir())]
