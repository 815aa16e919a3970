"""When a buffer that stays empty is given up.

A server that sends nothing is given up soon. But there are files without an index, which are read from their beginning
up to the place where the track had been, and while they come there is something to wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from timmybot.ports.track_source import SourceAway, TrackError

COMING_BYTES: Final = 128 * 1024
"""What has to come for the server to count as sending: in the time until it is given up, less than half of what music
takes. Fewer bytes, one now and then, would keep a silent player for ever."""


QUIET_SECONDS: Final = 1.0
"""After so long without a byte, the next is taken for the first one of an answer."""
MOST_ANSWERS: Final = 8
"""How many answers with fewer bytes count too, while a buffer stays empty. Some servers need seconds for each, and to
begin far into a file takes three, its head, its end and the place, or six where the place is searched for (Ogg)."""


class Patience:
    """One stream's. Used by its reader."""

    def __init__(self, stall_seconds: float, reach_seconds: float, monotonic: Callable[[], float]) -> None:
        self.empty_since: float | None = None
        """``None`` while there is something to hear."""
        self._stall_seconds = stall_seconds
        self._reach_seconds = reach_seconds
        self._monotonic = monotonic
        self._sent_at = 0.0
        self._received = 0
        self._quiet_since = 0.0
        self._last_received = 0
        self._answers = 0

    def over(self, received: int) -> TrackError | None:
        """Why not to wait any longer, of a buffer that is empty now. ``received`` bytes have come so far."""
        now = self._monotonic()
        if self.empty_since is None:
            self.empty_since = self._sent_at = self._quiet_since = now
            self._received = self._last_received = received
            self._answers = 0
        elif self._has_answered(received, now) or not 0 <= received - self._received < COMING_BYTES:
            self._sent_at, self._received = now, received
        if now - self._sent_at > self._stall_seconds:
            return SourceAway("The server at that address stopped sending. Try again later.")
        if now - self.empty_since > self._reach_seconds:
            return TrackError(
                "The file at that address can only be read from its beginning, and its server sends too slowly to get "
                "to where the track was. Play it again from its beginning."
            )
        return None

    def _has_answered(self, received: int, now: float) -> bool:
        if received == self._last_received:
            return False
        was_quiet = now - self._quiet_since >= QUIET_SECONDS
        self._quiet_since, self._last_received = now, received
        self._answers += was_quiet
        return was_quiet and self._answers <= MOST_ANSWERS
