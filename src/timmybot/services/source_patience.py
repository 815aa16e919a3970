"""Playing a track again whose source cannot be reached: after a while, and not for ever.

While the connection to Discord is down too, the whole network may be away, and the time does not count: nothing is
given up then. Otherwise the track is left after a minute. What is in a loop stays there, and has its turn again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from timmybot.domain.ids import PlayId
from timmybot.ports.clock import Clock

PERSIST_SECONDS: Final = 60.0
"""Longer than it takes to notice that a voice connection carries nothing any more."""
FIRST_PAUSE_SECONDS: Final = 0.5
TELL_SECONDS: Final = 5.0
"""After so long the channel hears why nothing is heard."""
LONGEST_PAUSE_SECONDS: Final = 5.0
"""The music is to sound again soon after the network is back."""
RARE_PAUSE_SECONDS: Final = 30.0
"""For a server that has been away for longer, and that a loop asks for again and again."""
PROGRESS_MS: Final = 1_000
"""So much sound from a source means that it was reached."""
ATTEMPT_SECONDS: Final = 45.0
"""What an attempt counts for at most: it may have been paused for hours in between."""


class SourcePatience:
    """One guild's. ``try_again`` is called when the next attempt is due."""

    def __init__(self, clock: Clock, try_again: Callable[[], None]) -> None:
        self._clock = clock
        self._try_again = try_again
        self._play_id: PlayId | None = None
        self._position_ms = 0
        self._failed_at = 0.0
        self._due_at: float | None = None
        self._counted_seconds = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._told = self._was_over = False
        self._reminder: asyncio.Task[None] | None = None

    def may_try(self, play_id: PlayId, position_ms: int, connected_seconds: float) -> bool:
        """Whether to play again what failed at ``position_ms``; if not, ``try_again`` says when, or the connection to
        Discord does by being back. It has been up for ``connected_seconds``."""
        now = self._clock.monotonic()
        if connected_seconds <= 0:
            self.close()
            self._counted_seconds, self._pause_seconds = 0.0, FIRST_PAUSE_SECONDS
            self._play_id, self._position_ms, self._failed_at, self._due_at = play_id, position_ms, now, now
            return False
        if self._due_at is not None and self._play_id == play_id:
            if now < self._due_at:
                return False
            self._due_at = None
            return True
        self._failed(play_id, position_ms, now, connected_seconds)
        return False

    @property
    def is_over(self) -> bool:
        """Whether it has been tried for long enough."""
        return self._counted_seconds >= PERSIST_SECONDS

    def is_to_be_told(self) -> bool:
        """Whether the text channel should hear of it now: once, until there is sound again."""
        if self._told or self._counted_seconds < TELL_SECONDS:
            return False
        self._told = True
        return True

    def gives_up(self) -> bool:
        """What is played next is another playing, with a patience of its own. Returns whether the text channel should
        hear of it: not of every round of a loop in which nothing sounds."""
        self.close()
        is_first, self._was_over = not self._was_over, True
        self._counted_seconds, self._play_id, self._due_at = 0.0, None, None
        return is_first

    def forget(self) -> None:
        """The track has left the queue, and its guild was told: the next one that fails is news again."""
        self.close()
        self._told = self._was_over = False
        self._counted_seconds, self._pause_seconds = 0.0, FIRST_PAUSE_SECONDS
        self._play_id, self._due_at = None, None

    def close(self) -> None:
        """Remind nobody any more."""
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _failed(self, play_id: PlayId, position_ms: int, now: float, connected_seconds: float) -> None:
        is_same = play_id == self._play_id
        if position_ms - (self._position_ms if is_same else 0) >= PROGRESS_MS:
            self._counted_seconds, self._pause_seconds = 0.0, FIRST_PAUSE_SECONDS
            self._told = self._was_over = False
        elif connected_seconds < now - self._failed_at:  # Discord was away, too, in between
            self._counted_seconds = 0.0
        elif is_same:
            self._counted_seconds += min(now - self._failed_at, ATTEMPT_SECONDS)
        self._play_id, self._position_ms, self._failed_at = play_id, position_ms, now
        self._due_at = now + self._pause_seconds
        self.close()
        self._reminder = asyncio.create_task(self._remind(self._pause_seconds), name="reach the source again")
        longest = RARE_PAUSE_SECONDS if self._was_over else LONGEST_PAUSE_SECONDS
        self._pause_seconds = min(2 * self._pause_seconds, longest)

    async def _remind(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._try_again()
