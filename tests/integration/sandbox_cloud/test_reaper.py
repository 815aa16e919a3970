"""An owner that is killed leaves nothing: its processes end, and its directories are removed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from sandbox.cloud.emulator import ROOT
from sandbox.reaper import Reaper, reap

OWNER = """
import subprocess, sys, time
from pathlib import Path
from sandbox.reaper import Reaper

with Reaper() as reaper:
    # It says when it is there, and sleeps until somebody ends it; its own end of the pipe closes when it is gone.
    task = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
                            start_new_session=True)
    reaper.watch_group(task.pid)
    reaper.watch_directory(Path(sys.argv[1]))
    if sys.argv[2] == "in-order":
        task.kill()
        task.wait()
        reaper.forget_group(task.pid)
    else:
        time.sleep(600)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "left-behind"
    made.mkdir()
    (made / "a-file").touch()
    return made


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def started(directory: Path, how: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(directory), how), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def test_a_killed_owner_leaves_neither_processes_nor_directories(directory: Path) -> None:
    owner = await started(directory, "killed")
    assert owner.stdout is not None
    async with asyncio.timeout(20):
        assert await owner.stdout.readline() == b"up\n"
        owner.kill()
        # The pipe is shared by the owner, its task and the reaper: it ends when the last of them has.
        assert await owner.stdout.read() == b""
    await owner.wait()
    assert left_in(directory.parent) == []


async def test_an_owner_that_leaves_in_order_keeps_its_directory(directory: Path) -> None:
    owner = await started(directory, "in-order")
    assert owner.stdout is not None
    async with asyncio.timeout(20):
        await owner.stdout.read()
        assert await owner.wait() == 0
    assert left_in(directory) == ["a-file"]


def test_what_ended_by_itself_is_left_alone(directory: Path) -> None:
    """Its number may be somebody else's by now: this very process would be killed."""
    own = os.getpgrp()
    reap([f"group {own}\n".encode(), f"ended {own}\n".encode(), f"directory {directory}\n".encode()])
    assert directory.exists()


def test_a_scratch_directory_goes_with_its_owner_unless_it_was_removed_before(directory: Path, tmp_path: Path) -> None:
    kept = tmp_path / "of somebody else by now"
    kept.mkdir()
    reap([f"scratch {directory}\n".encode(), f"scratch {kept}\n".encode(), f"removed {kept}\n".encode()])
    assert not directory.exists()
    assert kept.exists()


def test_one_that_was_never_started_watches_nothing(directory: Path) -> None:
    Reaper().watch_directory(directory)
    assert directory.exists()
