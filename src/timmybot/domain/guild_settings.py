"""What a guild has chosen once and for all its queues."""

from __future__ import annotations

from dataclasses import dataclass

from timmybot.domain.ids import RoleId

VOLUME_LIMIT = 200
"""Percent. Louder than twice is distortion."""


@dataclass(frozen=True)
class GuildSettings:
    """The default is a guild that has chosen nothing."""

    volume_percent: int = 100
    dj_role_id: RoleId | None = None
    """Who may change the queue; everyone if it is ``None``."""
    version: int = 0
    """Raised by every write; a write that read an older one is refused."""
