"""Ctrl-C ends the program whenever it is pressed, without a traceback; pressed twice, it ends it at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INTERRUPTED = 130
PATIENCE_SECONDS = 20.0
AT_ONCE_SECONDS = 5.0
"""Far less than any drain, and enough for a busy machine."""


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.integration.entrypoints.stopping_child", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    "module", ["argparse", "asyncio", "timmybot.settings", "timmybot.entrypoints.run", "timmybot.entrypoints.signals"]
)
def test_ctrl_c_while_the_program_starts_is_no_traceback(module: str) -> None:
    with child("import", module) as process:
        said, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert said == "interrupted\n"
    assert process.returncode == INTERRUPTED
    assert errors == ""


@pytest.mark.parametrize("how", ["waiting", "blocked"])
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_ends_at_once_what_does_not_get_on_with_stopping(how: str, first: signal.Signals) -> None:
    with child("stop", how) as process:
        assert says(process) == "up"
        process.send_signal(first)
        assert says(process) == "stopping"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == INTERRUPTED
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert "Traceback" not in errors


def test_a_supervisor_that_repeats_its_sigterm_cuts_nothing_short() -> None:
    with child("stop", "waiting") as process:
        assert says(process) == "up"
        process.send_signal(signal.SIGTERM)
        assert says(process) == "stopping"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
