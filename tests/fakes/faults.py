"""Store calls that fail on demand, before or after they took effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from timmybot.ports.guild_store import StoreBroken, StoreUnavailable


class Faults:
    """What goes wrong with the next calls. Every failing call raises ``StoreUnavailable``."""

    def __init__(self) -> None:
        self.fail_before = 0
        """How many of the next calls fail before they took effect."""
        self.fail_after = 0
        """How many of the next calls fail although they took effect: the answer was lost."""
        self.outage = False
        """While set, every call fails before it took effect."""
        self.broken = False
        """While set, every call fails until somebody mends the store: its disk is full."""
        self.long_writing: asyncio.Event | None = None
        """Until it is set, what is written beside a queue is half written."""
        self.calls = 0
        """How many calls were made, failed ones included."""

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        self.calls += 1
        await asyncio.sleep(0)
        if self.broken:
            raise StoreBroken("the store's disk is full")
        if self.outage or self.fail_before:
            self.fail_before = max(self.fail_before - 1, 0)
            raise StoreUnavailable("the store is made to fail before the call")
        yield
        if self.fail_after:
            self.fail_after -= 1
            raise StoreUnavailable("the store is made to fail after the call")
