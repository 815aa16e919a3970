"""``python -m sandbox.fuzz [--seconds N] [--seed N] [NAME...]``: the parsers in turn, for so long in all.

An input for which something does not hold is written to ``build/fuzz``, and so is one that is new, for the corpus. Exit
status 0 only if all held.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from random import Random, SystemRandom

from sandbox.fuzz.fuzzing import Broken, Fuzzing, corpus_of
from sandbox.fuzz.targets import TARGETS
from sandbox.positive import positive_seconds

FOUND = Path(__file__).parents[2] / "build" / "fuzz"


def main() -> int:
    names = [target.name for target in TARGETS]
    arguments = argparse.ArgumentParser(prog="make fuzz")
    arguments.add_argument("names", nargs="*", choices=[*names, []], help="which parsers; all, unless said")
    arguments.add_argument("--seconds", type=positive_seconds, default=120.0)
    arguments.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    wanted = arguments.parse_args()
    targets = [target for target in TARGETS if target.name in (wanted.names or names)]
    broken = 0
    for target in targets:
        fuzzing = Fuzzing(target, Random(f"{target.name}/{wanted.seed}"))
        until = time.monotonic() + wanted.seconds / len(targets)
        verdict = "held"
        try:
            fuzzing.begin(corpus_of(target))
            fuzzing.go_on(lambda until=until: time.monotonic() < until)  # type: ignore[misc]
        except Broken as found:
            broken += 1
            path = _written("broken", found.target, found.data)
            verdict = f"BROKEN by {path}: {found.__cause__!r}"
        for data in fuzzing.kept:
            _written("new", target.name, data)
        news = f"{len(fuzzing.steps)} steps, {len(fuzzing.kept)} inputs new"
        print(f"{target.name:9} {fuzzing.tried:8,} inputs, {news}: {verdict}", flush=True)
    print(f"seed {wanted.seed}")
    return 1 if broken else 0


def _written(kind: str, target: str, data: bytes) -> Path:
    path = FOUND / kind / target / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
