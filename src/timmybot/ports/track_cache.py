"""What was found out about tracks at some cost, kept for all guilds and workers."""

from __future__ import annotations

from typing import Protocol

from timmybot.domain.sound import Measured
from timmybot.domain.track import Track

MEASURED_KEPT_SECONDS = 90 * 24 * 3600.0
"""A file at an address rarely changes, and a measurement that is gone costs a core-second."""


class TrackCache(Protocol):
    """Nothing in it is needed: whoever finds nothing, or cannot reach it, does without.

    Tracks are known by their URL and length: another file at the same address is another track.
    """

    async def measured(self, track: Track) -> Measured | None:
        """How loud the track was found to be; ``None`` if nobody has found out, or too long ago.

        Raises :class:`~timmybot.ports.guild_store.StoreUnavailable`.
        """
        ...

    async def keep(self, track: Track, measured: Measured) -> None:
        """Raises :class:`~timmybot.ports.guild_store.StoreUnavailable`."""
        ...
