"""Made twice, a function's bytecode is the same to the byte."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from infra.components.function_bundle import SOURCE, _compile


def fingerprint(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*.pyc")
    }


def test_the_same_source_compiles_to_the_same_bytes_wherever_it_is(tmp_path: Path) -> None:
    made = []
    for where in ("one", "another"):
        copy = tmp_path / where
        shutil.copytree(SOURCE / "timmybot" / "domain", copy, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(copy)
        made.append(fingerprint(copy))
    assert len(made[0]) > 10
    assert made[0] == made[1]
