"""A file that says: this process makes progress. The container's health check looks at its age.

It is written by the event loop, so a process whose loop stands still goes stale and is replaced. It says nothing of the
store or of Discord: a task that cannot reach them would not reach them from a new one either, and its music goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from timmybot.ports.clock import Clock

log = logging.getLogger(__name__)

TOUCH_SECONDS = 10.0
"""The health check takes a minute for stale: six times this, so that one slow moment is no illness."""


@asynccontextmanager
async def shown_alive(file: str, clock: Clock) -> AsyncIterator[None]:
    """Keep ``file`` fresh while the context lasts, and remove it afterwards. Does nothing if ``file`` is empty."""
    if not file:
        yield
        return
    path = Path(file)
    touching = asyncio.create_task(_touch(path, clock), name="liveness")
    try:
        yield
    finally:
        touching.cancel()
        with suppress(asyncio.CancelledError):
            await touching
        _remove(path)


async def _touch(path: Path, clock: Clock) -> None:
    while True:
        _freshen(path)
        await clock.sleep(TOUCH_SECONDS)


def _freshen(path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        log.warning("nobody can see that this worker lives: %s", error)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
