"""``python -m sandbox.listen`` as it is called: a real ``timmybot run`` plays or not, and the exit code says so."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.listen.children import Children
from sandbox.melody import Melody
from sandbox.recording import Format, record

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at processes in /proc")

ROOT = Path(__file__).parents[3]
HZ = 500.0
PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def called(tmp_path: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, with a directory of its own for what it puts into files for a while."""
    own = tmp_path / "tmp"
    own.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.listen", *arguments),
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(own)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def outcome(tmp_path: Path, *arguments: str) -> tuple[int | None, list[dict[str, Any]], str]:
    """Exit code, the JSON objects, and what was said beside them."""
    async with called(tmp_path, "--json", *arguments) as process:
        out, err = await process.communicate()
    assert b"Traceback" not in err
    assert list((tmp_path / "tmp").iterdir()) == [], "it leaves no file behind"
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


def tone(directory: Path, name: str, seconds: float) -> Path:
    return record(Melody(name, ((HZ, seconds),)), directory, Format.OGG_OPUS)


def processes_in(directory: Path) -> Iterator[int]:
    """Those that work in a directory: the bots that it was asked to start, by where they stand."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if directory in link.readlink().parents:
                yield int(link.parent.name)
        except OSError:
            continue


def plays(directory: Path) -> bool:
    """Whether the bot says in its log that it plays."""
    return any(" Play(" in log.read_text() for log in directory.rglob("timmybot.log"))


def left_behind(directory: Path) -> bool:
    """A process or a file."""
    return bool(list(processes_in(directory))) or bool(list((directory / "tmp").iterdir()))


async def test_a_file_is_heard_with_its_tone_through_pause_and_restart(tmp_path: Path) -> None:
    song = tone(tmp_path, "Ä 'quoted' \"100%\" #1? &b", 60.0)
    code, (told,), _ = await outcome(
        tmp_path, str(song), "--do", "settings=loudness:off@0 pause@1 resume@2 restart@4", "--seconds", "8"
    )
    assert (code, told["exit"], told["sentence"], told["failure"]) == (0, 0, None, None)
    assert (told["title"], told["length_ms"]) == ("Ä 'quoted' \"100%\" #1? &b", pytest.approx(60_000, abs=50))
    rows = told["seconds"]
    assert [row["at_s"] for row in rows] == list(range(8))
    for row in (rows[0], rows[2], rows[7]):
        assert row["hz"] == pytest.approx(HZ, abs=5)
        assert row["dbfs"] == pytest.approx(-12.1, abs=1.0)
    assert rows[0]["gap_ms"] <= 200
    paused, resumed = (
        next(answer["at_s"] for answer in told["answers"] if answer["text"].startswith(word))
        for word in ("Paused", "Playing")
    )
    assert rows[1]["gap_ms"] + rows[2]["gap_ms"] >= 1_000 * (resumed - paused) - 300, "the pause"
    assert sum(row["gap_ms"] for row in rows) == pytest.approx(8_000 - 1_000 * told["heard_s"], abs=50)
    assert 2_000 <= told["position_ms"] <= 8_000
    texts = [answer["text"] for answer in told["answers"]]
    assert any(text.startswith("Now playing") for text in texts)
    assert any(text.startswith("Paused") for text in texts)
    first, last = told["worker_pids"]
    assert first != last
    assert told["children"][0].keys() == {"pid", "kind", "ended"}
    assert not list(processes_in(tmp_path))


async def test_several_inputs_are_a_line_each_and_the_worst_of_them_is_the_exit_code(tmp_path: Path) -> None:
    text = tmp_path / "no music.txt"
    text.write_text("A text is no song.")
    song = tone(tmp_path, "short", 1.0)
    code, (first, second), err = await outcome(tmp_path, str(song), str(text))
    assert (code, first["exit"], second["exit"]) == (1, 0, 1)
    assert first["heard_s"] == pytest.approx(1.0, abs=0.1)
    assert first["position_ms"] is None, "it is over"
    assert (second["heard_s"], second["seconds"]) == (0.0, [])
    assert "text/plain" in second["failure"]
    assert second["sentence"] == second["failure"] == second["answers"][-1]["text"]
    assert second["failure"] in err


async def test_what_makes_no_sense_is_misuse(tmp_path: Path) -> None:
    for arguments in (["there-is-none.mp3"], [str(ROOT / "README.md"), "--do", "dance@1"], []):
        code, told, err = await outcome(tmp_path, *arguments)
        assert (code, told) == (2, [])
        assert "python -m sandbox.listen: error: " in err


async def test_a_worker_that_ends_by_itself_is_told_from_a_song_that_does_not_play(tmp_path: Path) -> None:
    song = tone(tmp_path, "cut off", 60.0)
    async with called(tmp_path, "--json", str(song), "--seconds", "30") as process:
        while not plays(tmp_path):  # noqa: ASYNC110  # it is looked at from outside
            await asyncio.sleep(0.05)
        bots = list(processes_in(tmp_path))
        os.kill(min(bots), signal.SIGSEGV)
        out, err = await process.communicate()
    told = json.loads(out)
    assert (process.returncode, told["exit"], told["worker_ended"]) == (3, 3, "killed by SIGSEGV")
    assert told["worker_pids"] == [min(bots), min(bots)]
    assert told["sentence"] in err.decode()
    assert not list(processes_in(tmp_path))


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
async def test_whatever_ends_it_leaves_no_process_and_no_file(
    ending: signal.Signals, code: int, tmp_path: Path
) -> None:
    song = tone(tmp_path, "long", 60.0)
    async with called(tmp_path, str(song), "--seconds", "30") as process:
        while not plays(tmp_path):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        process.send_signal(ending)
        _, err = await process.communicate()
        assert process.returncode == code
        assert b"Traceback" not in err
        while left_behind(tmp_path):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_child_is_seen_and_how_it_ended(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)  # looking_child'])"
    )
    children = Children()
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not children.seen or children.seen[0].kind != "looking":
                children.look(parent.pid)
                await asyncio.sleep(0.01)
            assert children.seen[0].ended is None
            os.kill(children.seen[0].pid, signal.SIGKILL)
            await parent.wait()
            children.look(None)
            assert children.seen[0].ended in ("ended", "killed by SIGKILL")
    finally:
        if parent.returncode is None:
            parent.kill()
            await parent.wait()
