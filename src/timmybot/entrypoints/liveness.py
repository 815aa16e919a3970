"""A file that says: this process makes progress. The container's health check looks at its age.

It is written by the event loop, as long as what the loop cannot see gets on, too: it follows the same ``Progress`` as
the heartbeat. A process in which either stands still goes stale and is replaced. The file says nothing of the store or
of Discord: a task that cannot reach them would not reach them from a new one either, and its music goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from timmybot.ports.clock import Clock
from timmybot.services.progress import Progress

log = logging.getLogger(__name__)

TOUCH_SECONDS = 10.0
"""The health check takes a minute for stale: six times this, so that one slow moment is no illness."""


@asynccontextmanager
async def shown_alive(file: str, clock: Clock, progress: Progress) -> AsyncIterator[None]:
    """Keep ``file`` fresh while the context lasts and the process gets on, and remove it afterwards.

    Does nothing if ``file`` is empty.
    """
    if not file:
        yield
        return
    path = Path(file)
    touching = asyncio.create_task(_touch(path, clock, progress), name="liveness")
    try:
        yield
    finally:
        touching.cancel()
        with suppress(asyncio.CancelledError):
            await touching
        _remove(path)


async def _touch(path: Path, clock: Clock, progress: Progress) -> None:
    while True:
        if progress.is_made():
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
