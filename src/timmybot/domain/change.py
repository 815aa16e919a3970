"""A change: everything that one command writes, decided before anything is written.

A command reads the guild's state, decides a change, and commits it in one conditional write. A store applies a change
whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId, OrderKey
from timmybot.domain.track import Entry


@dataclass(frozen=True)
class OwedReply:
    """An answer that Discord still waits for: a worker gives it when it knows how the track turned out.

    ``token`` lets anyone who has it write in the guild's name, so it is kept out of every ``repr``.
    """

    interaction_id: InteractionId
    application_id: int
    token: str = field(repr=False)
    key: OrderKey
    """The entry that the answer is about."""
    expires_at: float
    """Unix time in seconds after which Discord takes no answer."""


@dataclass(frozen=True)
class Change:
    """What one command writes. ``state`` carries the version that was read; committing it raises it by one."""

    state: GuildState
    add: tuple[Entry, ...] = ()
    """Entries that are new in the queue."""
    replace: tuple[Entry, ...] = ()
    """Entries that exist and have become better known (resolved)."""
    remove: tuple[OrderKey, ...] = ()
    owe: tuple[OwedReply, ...] = ()
