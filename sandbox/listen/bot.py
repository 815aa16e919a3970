"""``timmybot run`` as a child process over one database file, which can be ended and begun again."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sandbox.listen.children import how_it_ended
from sandbox.reaper import Reaper

_ONCE_TOLD = "import os, sys; sys.stdin.buffer.read(1) and os.execv(sys.argv[1], sys.argv[1:])"
"""Run the program that the arguments name once a byte comes; end if none ever does."""
PROGRAM = ("-m", "timmybot.entrypoints.cli")
STOP_SECONDS = 5.0
"""How long it may take to end after SIGTERM."""


class Bot:
    """``directory`` gets its database and its log. Nothing runs until :meth:`start`. ``program``: what Python runs."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], reaper: Reaper, program: Sequence[str] = PROGRAM
    ) -> None:
        self._program = program
        self._directory = directory
        self._environment = environment
        self._reaper = reaper
        self._process: asyncio.subprocess.Process | None = None
        self._told_to_end = False
        self.pids: list[int] = []
        """Of every process there was, in their order."""

    @property
    def database(self) -> Path:
        return self._directory / "timmybot.sqlite3"

    @property
    def log(self) -> Path:
        return self._directory / "timmybot.log"

    @property
    def pid(self) -> int | None:
        """Of the process that runs; ``None`` if none does."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def ended(self) -> str | None:
        """How the process ended by itself; ``None`` while it runs, and where it was told to end."""
        if self._told_to_end or self._process is None or self._process.returncode is None:
            return None
        return how_it_ended(self._process.returncode)

    async def start(self) -> None:
        """Begin a process, in a group of its own. It becomes the bot once the reaper knows of it, and never without."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _ONCE_TOLD),
                *(sys.executable, "-P", *self._program, "run", "--database", str(self.database)),
                env=self._environment,
                cwd=self._directory,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # Both at once: the one before has ended, as it was told to.
        self._process, self._told_to_end = process, False
        self.pids.append(process.pid)
        self._reaper.watch_group(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process and its group, whatever it takes. One that had ended already stays so."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._told_to_end = True
            process.send_signal(how)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._reaper.forget_group(process.pid)

    async def restart(self, how: signal.Signals) -> None:
        """End it and begin again over the same database. One that has ended by itself is left as it is."""
        if self.ended is None:
            await self.end(how)
            if self.ended is None:
                await self.start()


def trusted_by(own: Path, into: Path) -> Path:
    """A file of certificates (PEM) to be trusted: the sandbox's, and what this machine trusts by itself."""
    usual = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    pieces = [own.read_bytes()]
    with suppress(OSError):
        pieces += [Path(usual).read_bytes()] if usual else []
    into.write_bytes(b"\n".join(pieces))
    return into
