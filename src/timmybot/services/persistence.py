"""Joining again where joining failed for a reason that may pass: after a while, and not for ever.

What was wanted since is a reason to try at once: somebody may wait for it. The text channel hears of it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from timmybot.ports.clock import Clock

PERSIST_SECONDS: Final = 5 * 60.0
"""Longer than Discord takes to restart a voice region or a gateway; after it, somebody should have a look."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 15.0
AWAY_PAUSE_SECONDS: Final = 2.0
"""While Discord cannot be reached an attempt only waits for the gateway session, which has pauses of its own."""


class Persistence:
    """The attempts of one guild's player to join. ``try_again`` is called when the next one is due."""

    def __init__(self, clock: Clock, try_again: Callable[[], None]) -> None:
        self._clock = clock
        self._try_again = try_again
        self._since: float | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._due_at = 0.0
        self._version: int | None = None
        """Of what was wanted at the last attempt."""
        self._reminder: asyncio.Task[None] | None = None

    def may_try(self, version: int) -> bool:
        """Whether an attempt is due for what is wanted under ``version``; if not, ``try_again`` will say when."""
        return version != self._version or self._clock.monotonic() >= self._due_at

    def succeeded(self) -> None:
        self.close()
        self._since, self._version, self._pause_seconds = None, None, FIRST_PAUSE_SECONDS

    def waits(self, version: int) -> None:
        """Discord could not be reached for an attempt. The time until it is does not count."""
        self.succeeded()
        now = self._clock.monotonic()
        self._version, self._due_at = version, now + AWAY_PAUSE_SECONDS
        self._reminder = asyncio.create_task(self._remind(AWAY_PAUSE_SECONDS), name="join again")

    def failed(self, version: int) -> bool:
        """An attempt failed; return whether that is the first time, so that the channel should hear of it."""
        now, is_first = self._clock.monotonic(), self._since is None
        self._since = now if self._since is None else self._since
        self._version, self._due_at = version, now + self._pause_seconds
        self.close()
        self._reminder = asyncio.create_task(self._remind(self._pause_seconds), name="join again")
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return is_first

    @property
    def is_over(self) -> bool:
        """Whether it has been tried for long enough."""
        return self._since is not None and self._clock.monotonic() - self._since >= PERSIST_SECONDS

    def close(self) -> None:
        """Remind nobody any more."""
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    async def _remind(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._try_again()
