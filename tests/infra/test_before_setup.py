"""What `cdk` says in a checkout in which nothing is installed yet."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
APP: str = json.loads((ROOT / "cdk.json").read_text())["app"]


def test_the_app_says_what_to_run_first(tmp_path: Path) -> None:
    said = subprocess.run(["sh", "-c", APP], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == "error: nothing is installed yet: run make setup first\n"


def test_with_an_environment_it_is_that_ones_python_that_runs(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    said = subprocess.run(["sh", "-c", APP], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == "-m infra.app\n"
