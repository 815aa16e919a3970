"""@discordjs/voice in a child process (``node/player.mjs``): joins a channel and plays a file, as its library does.

The library has no gateway of its own. What it wants to send there goes to ``send``, and :meth:`DiscordJs.hear` gives it
the events of that gateway.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]

PROJECT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "node" / "player.mjs"
INSTALLED = PROJECT / "build" / "peers" / "node"
"""Where ``make`` installs the package and those that it needs."""
NODE = PROJECT / ".venv" / "bin" / "node"
LEAVE_SECONDS = 5.0


class DiscordJs:
    """Runs while the context lasts. Raises :class:`FileNotFoundError` where the peer is not installed."""

    def __init__(self, ca_file: Path, send: Callable[[Json], Awaitable[None]]) -> None:
        self._ca_file = ca_file
        self._send = send
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.said: list[Json] = []
        """What the program wrote, in order; see its head for the meaning."""

    @property
    def process_id(self) -> int:
        """For measuring its CPU time."""
        assert self._process
        return self._process.pid

    async def __aenter__(self) -> Self:
        if not (INSTALLED / "node_modules").is_dir():
            raise FileNotFoundError(f"{INSTALLED} holds no packages: run `make build/peers/.node`")
        self._process = await asyncio.create_subprocess_exec(
            NODE,
            PROGRAM,
            cwd=INSTALLED,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(self._ca_file)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process
        assert self._process.stdin
        assert self._reader
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), LEAVE_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(self._reader, return_exceptions=True)

    def join(self, guild_id: int, channel_id: int) -> None:
        self._order({"do": "join", "guild": str(guild_id), "channel": str(channel_id)})

    def play(self, file: Path) -> None:
        """Play an Ogg or WebM file of Opus audio: its packets pass through as they are."""
        kind = {".ogg": "ogg/opus", ".webm": "webm/opus"}[file.suffix]
        self._order({"do": "play", "file": str(file), "type": kind})

    def leave(self) -> None:
        self._order({"do": "leave"})

    def hear(self, event: str, data: Json) -> None:
        """Something happened on the main gateway."""
        self._order({"event": event, "d": data})

    async def until(self, key: str, value: object, timeout: float = 20.0) -> Json:  # noqa: ASYNC109
        """Wait until the program said this. Raises :class:`TimeoutError`, with all that it said."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for message in self.said:
                        if key in message and message[key] == value:
                            return message
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"no {key} {value!r} within {timeout} s; it said {self.said}") from None

    def _order(self, message: Json) -> None:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        async for line in process.stdout:
            message = json.loads(line)
            if "send" in message:
                await self._send(message["send"])
            self.said.append(message)
            self._news.set()
