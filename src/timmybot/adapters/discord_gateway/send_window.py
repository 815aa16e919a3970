"""No more than 120 sends a minute on one connection.

Source: Discord, Gateway, "Rate Limiting": 120 gateway events per 60 seconds per connection, else it is closed (4008).
"""

from __future__ import annotations

from collections import deque
from typing import Final

SENDS: Final = 120
WINDOW_SECONDS: Final = 60.0
KEPT_FOR_HEARTBEATS: Final = 10
"""Sends that only heartbeats may use: a shard that joins many channels must not be taken for a zombie."""


class SendWindow:
    """Remembers when frames were sent. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def seconds_until_free(self, now: float) -> float:
        """How long anything but a heartbeat has to wait; 0.0 if it may go now."""
        while self._sent and self._sent[0] <= now - WINDOW_SECONDS:
            self._sent.popleft()
        over = len(self._sent) - (SENDS - KEPT_FOR_HEARTBEATS)
        return 0.0 if over < 0 else max(0.0, self._sent[over] + WINDOW_SECONDS - now)

    def sent(self, now: float) -> None:
        self._sent.append(now)
