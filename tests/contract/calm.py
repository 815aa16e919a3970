"""An event loop that can tell when everything on it has come to rest, however busy the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

_TURNS = 100
"""Far more than any chain of tasks here has links between two calls in threads."""


class CalmLoop(asyncio.SelectorEventLoop):
    """What runs in a thread is known from the moment it is handed over, not from when a thread finds time for it."""

    def __init__(self) -> None:
        super().__init__()
        self._in_threads: set[asyncio.Future[Any]] = set()

    def run_in_executor(  # type: ignore[override]  # typeshed's has type variables that only repeat the call's
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._in_threads.add(future)
        future.add_done_callback(self._in_threads.discard)
        return future

    async def calm(self) -> None:
        """Wait until nothing runs in a thread, and nothing follows from what did.

        For what waits on neither sockets nor the real clock: the loop knows nothing of those.
        """
        turns = 0
        while turns < _TURNS:
            if self._in_threads:
                await asyncio.wait(self._in_threads)
                turns = 0
            await asyncio.sleep(0)
            turns += 1
