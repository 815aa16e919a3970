"""What the demo says of a step."""

from __future__ import annotations

import io

import pytest

from sandbox.demo.report import Report, StepFailed


def test_a_step_that_was_broken_off_by_whoever_watches_did_not_fail() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Report(out).step("It plays"):
        raise KeyboardInterrupt
    assert "stopped" in out.getvalue()
    assert "NOT" not in out.getvalue()


def test_a_step_that_fails_did_not_hold() -> None:
    out = io.StringIO()
    with pytest.raises(StepFailed), Report(out).step("It plays"):
        raise TimeoutError("no sound")
    assert "DID NOT HOLD" in out.getvalue()
