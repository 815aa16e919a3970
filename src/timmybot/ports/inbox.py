"""The inbox: hints to workers that a guild has something new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from timmybot.domain.ids import GuildId


@dataclass(frozen=True)
class Nudge:
    """A hint. It may be lost, late or doubled: whoever gets it looks at the guild's state."""

    nudge_id: str
    guild_id: GuildId
    written_at: float
    """Unix time in seconds, by the writer's clock."""


class Inbox(Protocol):
    """One partition for all workers of an environment; items forget themselves after some minutes."""

    async def post(self, nudge: Nudge) -> None: ...

    async def read(self, since: float) -> list[Nudge]:
        """The nudges written at ``since`` (Unix time in seconds) or later.

        One that was posted in the last moments may be missing, and be missing again after it was there once: read with
        an overlap.
        """
        ...
