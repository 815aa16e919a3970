"""How long a lost connection is pursued, and when the channel hears of it.

Ten seconds of silence without a word is what the bot must not do; giving up while a voice region restarts neither. So
the channel is told after some seconds, and the connection is pursued for a good while longer.
"""

from __future__ import annotations

import random as random_module
from typing import Final

FIRST_JOIN_SECONDS: Final = 5.0
"""After this no further attempt is begun: somebody waits for the answer to their command."""
TELL_SECONDS: Final = 8.0
PURSUE_SECONDS: Final = 60.0
STEADY_SECONDS: Final = 10.0
"""A connection that breaks sooner was not mended: the pauses go on growing (the 4006 loop of discord.py #10207)."""
_FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 8.0


class Patience:
    """The patience with one connection. ``now`` is monotonic seconds."""

    def __init__(self, random: random_module.Random) -> None:
        self._random = random
        self._since: float | None = None
        self._up_at: float | None = None
        self._attempts = 0
        self._first = True
        self._told = False

    def begin(self, now: float) -> None:
        """A channel was asked for."""
        self._since, self._up_at, self._attempts, self._first, self._told = now, None, 0, True, False

    def lost(self, now: float) -> None:
        """The connection is not up, or not any more."""
        if self._up_at is not None and now - self._up_at >= STEADY_SECONDS:
            self._since, self._attempts, self._told = None, 0, False
        self._up_at = None
        if self._since is None:
            self._since = now

    def up(self, now: float) -> None:
        self._up_at = now

    def answered(self) -> None:
        """Whoever asked for the channel knows that it was joined. Until then a connection that is up for an instant
        has not been made: one server let every connection in, broke it off at once, and had a join wait a minute."""
        self._first = False

    def is_over(self, now: float) -> bool:
        limit = FIRST_JOIN_SECONDS if self._first else PURSUE_SECONDS
        return self._since is not None and now - self._since >= limit

    def seconds_to_tell(self, now: float) -> float | None:
        """How long until the channel should hear of it; ``None`` if it has, or will by the answer to its command."""
        if self._first or self._told or self._since is None:
            return None
        return max(0.0, self._since + TELL_SECONDS - now)

    def told(self) -> None:
        self._told = True

    def pause_seconds(self) -> float:
        """How long to wait before the next attempt: the first is made at once."""
        self._attempts += 1
        if self._attempts == 1:
            return 0.0
        backoff = min(LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (self._attempts - 2))
        return self._random.uniform(backoff / 2, backoff)
