"""Who stops waiting for a synthesis stops the synthesis."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from infra.synthesis import STAMP, SynthesisError, synthesise_in_child


def processes_naming(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in command:
                found.append(int(entry.name))
    return found


async def test_a_choice_that_makes_no_sense_fails(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError):
        await synthesise_in_child("dev", {"egress": "none"}, tmp_path / "assembly")


async def test_a_synthesis_that_nobody_waits_for_ends_at_once(tmp_path: Path) -> None:
    waiting = asyncio.create_task(synthesise_in_child("dev", {"flow_logs": "true"}, tmp_path / "assembly"))
    while not processes_naming(str(tmp_path)):  # noqa: ASYNC110  # a process that has begun tells nobody
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert processes_naming(str(tmp_path)) == []
    assert not (tmp_path / "assembly" / STAMP).exists()
