"""The process that records the songs and serves them: not the one whose memory and descriptors are looked at."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any

SONG_SECONDS = 90.0


@contextmanager
def served() -> Iterator[tuple[int, str, list[str]]]:
    """Its process id, its ``host:port``, and the songs' links, one of each format."""
    with Popen([sys.executable, "-m", "sandbox.soak.served"], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told: dict[str, Any] = json.loads(process.stdout.readline())
            yield process.pid, str(told["host"]), list(told["links"])
        finally:
            process.stdin.close()


async def _serve(directory: Path) -> None:
    from sandbox.listen.served import FileServer  # noqa: PLC0415  # what imports FFmpeg has no place in the other process
    from sandbox.melody import compose  # noqa: PLC0415
    from sandbox.recording import Format, record  # noqa: PLC0415

    songs = [record(compose(f"song {each.name}", voice=0, seconds=SONG_SECONDS), directory, each) for each in Format]
    async with FileServer() as server:
        print(json.dumps({"host": server.host, "links": [server.add(song) for song in songs]}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    with TemporaryDirectory(prefix="timmybot-soak-") as scratch:
        asyncio.run(_serve(Path(scratch)))
