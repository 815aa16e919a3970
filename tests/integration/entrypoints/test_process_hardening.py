"""A process of the same user cannot read the worker's token out of its environment or its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def told(manner: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.integration.entrypoints.guarded_child", manner]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    return dict(line.split(": ", 1) for line in said.splitlines())


def test_another_process_of_its_user_reads_neither_its_environment_nor_its_memory() -> None:
    what = told("guarded")
    for name in ("environ", "mem", "maps"):
        assert what[f"another reads {name}"] == "Permission denied"


def test_it_can_still_look_at_itself() -> None:
    what = told("guarded")
    for name in ("maps", "statm", "status", "cgroup"):
        assert what[f"it reads its own {name}"] == "read"


def test_without_it_another_process_reads_them() -> None:
    """The control."""
    what = told("bare")
    assert what["another reads environ"] == "read"
    yama = Path("/proc/sys/kernel/yama/ptrace_scope")
    if not yama.exists() or yama.read_text().strip() == "0":  # else no child may look into its parent's memory anyway
        assert what["another reads mem"] == "read"
