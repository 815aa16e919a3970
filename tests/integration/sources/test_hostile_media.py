"""Hostile files cost bounded memory and time, one clear message, and never the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.recording import Format
from tests.integration.sources import bombs, hostile
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.media_server import MediaServer, content

ROOT = Path(__file__).parents[3]
MOST_MIB = 100.0
"""How much the worker may grow."""
MOST_CHILD_MIB = 280.0
"""How large a media child may be: what it begins with, and its address space beyond that."""
MOST_SECONDS = 8.0
"""Three to look at it and one and a half to play it are what the child allows; the rest is a busy machine's."""

PLAYS = {"ten hours of MP3", "an MP3 called WebM", "Opus that turns into noise"}
ADDRESS_SPACE_MIB = 3_000
"""Threads are most of it: the C library sets 64 MiB and more aside for each, of which hardly any is used."""


def costs(server: MediaServer, good: bytes, urls: list[str], mode: str = "bounded") -> list[dict[str, Any]]:
    child = subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.sources.hostile_child"),
            *(server.allowed[0], str(ADDRESS_SPACE_MIB), mode, server.serve("/good", content(good)), *urls),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2_000:]
    assert "Traceback" not in child.stderr, child.stderr[-3_000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


@pytest.mark.parametrize("kind", ["of old", "that ask for much"])
def test_every_hostile_file_is_refused_or_played_at_a_bounded_cost(
    server: MediaServer, recorded: Recorded, kind: str
) -> None:
    if kind == "of old":
        files = hostile.files(recorded(Format.MP3), recorded(Format.OGG_OPUS))
    else:
        files = bombs.files(recorded, server.url(bombs.ELSEWHERE))
    urls = [server.serve(f"/{number}", behaviour) for number, behaviour in enumerate(files.values())]
    found = costs(server, recorded(Format.MP3), urls)

    assert bombs.ELSEWHERE not in [path for path, _ in server.requests], "only what was asked for is fetched"
    for name, cost in zip(files, found, strict=True):
        assert cost["seconds"] < MOST_SECONDS, f"{name}: {cost}"
        assert cost["peak_mib"] < MOST_MIB, f"{name}: {cost}"
        assert cost["child_mib"] < MOST_CHILD_MIB, f"{name}: {cost}"
        plays = "resolved" in cost["outcome"]
        assert plays or "refused: " in cost["outcome"], f"{name}: {cost}"
        assert plays or name not in PLAYS, f"{name}: {cost}"
        assert "Something went wrong" not in cost["outcome"], f"{name}: {cost}"


@pytest.mark.parametrize("kind", ["a picture", "an index"])
def test_without_the_bounds_a_file_takes_what_memory_there_is(
    server: MediaServer, recorded: Recorded, kind: str
) -> None:
    """The negative control."""
    if kind == "a picture":
        file = hostile.repeated(hostile.id3_of(250 * hostile.MIB), b"\xff" * 4096, 2_000 * hostile.MIB)
    else:
        file = content(bombs.large_index(20_000_000))

    (cost,) = costs(server, recorded(Format.MP3), [server.serve("/file", file)], "unbounded")

    assert cost["child_mib"] > MOST_CHILD_MIB
