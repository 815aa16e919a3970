"""Looking at URLs in a child process, which can be ended where a thread cannot: see ``looking_child``.

The child is begun at the first link and stays; it has none of our secrets in its environment, and a bound on its
memory. When it ends, whoever still waits is asked anew of the next one: alone, so that a file which brings the process
down brings nobody else's down twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Any, Final

from timmybot.adapters.sources.looking_child import TOO_LONG
from timmybot.adapters.sources.urls import cleaned
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

log = logging.getLogger(__name__)

RESOLVE_SECONDS: Final = 20.0
"""How long looking at a URL may take in all, however slowly its server dribbles."""
CPU_SECONDS: Final = 3.0
"""How long it may compute over one file. An honest one takes milliseconds."""
_GRACE_SECONDS: Final = 5.0
"""How much longer we wait for the child's own verdict before it is ended."""
_EXIT_SECONDS: Final = 1.0
"""How long it may take to end once it has said its last."""
_PASSED_ON: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LANG", "LC_ALL", "TZ")
"""All of our environment that it gets: whom to trust and where the code is, and nothing secret."""
_PROGRAM: Final = "from timmybot.adapters.sources.looking_child import main; main()"


class _Ended(Exception):
    """The child ended before it answered."""


class _Child:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._numbers = 0
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read(), name="answers about links")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return not self._reading.done()

    async def ask(self, url: str) -> dict[str, Any]:
        """Raises :class:`_Ended`."""
        self._numbers += 1
        number = self._numbers
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"number": number, "url": url}).encode() + b"\n")
            found: dict[str, Any] = await answer
            return found
        finally:
            self._asked.pop(number, None)

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                found = json.loads(line)
                answer = self._asked.get(found["number"])
                if answer is not None and not answer.done():
                    answer.set_result(found)
            with suppress(TimeoutError):  # it has closed its end: killed now, its exit status might be lost
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
            code = await self._process.wait()
            log.info("the process that looks at links ended (%d)", code)
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(_Ended())


class LookingApart:
    """``resolve`` of a ``TrackSource``. ``allow_hosts`` are ``host:port`` pairs that need not be public."""

    def __init__(
        self,
        allow_hosts: tuple[str, ...] = (),
        *,
        resolve_seconds: float = RESOLVE_SECONDS,
        cpu_seconds: float = CPU_SECONDS,
    ) -> None:
        self._arguments = json.dumps([list(allow_hosts), resolve_seconds, cpu_seconds])
        self._give_up_seconds = resolve_seconds + _GRACE_SECONDS
        self._child: _Child | None = None
        self._beginning = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._closed = False
        self.begun = 0
        """How many children there were."""

    @property
    def pid(self) -> int | None:
        """Of the child; ``None`` while there is none."""
        return self._child.pid if self._child is not None and self._child.lives else None

    async def resolve(self, url: str) -> Track:
        """What is at ``url``. Raises :class:`TrackError`."""
        url = cleaned(url)
        try:
            found = await self._found(url)
        except _Ended:
            async with self._alone:
                try:
                    found = await self._found(url)
                except _Ended:
                    log.warning("a file brought down the process that looks at files, twice")
                    raise TrackError(
                        "Something went wrong while I was looking at that address. Try another file."
                    ) from None
        if "trouble" in found:
            raise TrackError(str(found["trouble"]))
        return Track(url, found["title"], found["duration_ms"])

    async def close(self) -> None:
        """End the child, and begin no other: whoever waits is told."""
        self._closed = True
        async with self._beginning:  # one that is being begun has to be ended too
            child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _found(self, url: str) -> dict[str, Any]:
        child = await self._living()
        try:
            async with asyncio.timeout(self._give_up_seconds):
                return await child.ask(url)
        except TimeoutError:
            await child.end()  # it does not even keep time
            raise TrackError(TOO_LONG) from None

    async def _living(self) -> _Child:
        async with self._beginning:
            if self._closed:
                raise TrackError("I am being stopped and look at no more links. Try again in a minute.")
            if self._child is None or not self._child.lives:
                try:
                    self._child = _Child(await self._begin())
                except OSError as error:
                    log.exception("no process to look at links in could be begun")
                    raise _Ended from error
            return self._child

    async def _begin(self) -> Process:
        self.begun += 1
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _PROGRAM, self._arguments),
            stdin=PIPE,
            stdout=PIPE,
            # One heap: each of the C library's others sets 64 MiB of address space aside.
            env=passed_on | {"MALLOC_ARENA_MAX": "1"},
        )
