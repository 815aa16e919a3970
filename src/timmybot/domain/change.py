"""A change: everything that one command writes, decided before anything is written.

A command reads the guild's state, decides a change, and commits it in one conditional write. A store applies a change
whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId, OrderKey
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo


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
    warning: str = ""
    """A line that stays under the answer, however the track turns out."""


@dataclass(frozen=True)
class Change:
    """What one command writes. ``state`` carries the version that was read; committing it raises it by one.

    Entries are written in the generation that ``state`` names.
    """

    state: GuildState
    add: tuple[Entry, ...] = ()
    """Entries that are new in the queue."""
    replace: tuple[Entry, ...] = ()
    """Entries that exist and have become better known (resolved), or are wanted again."""
    remove: tuple[OrderKey, ...] = ()
    owe: tuple[OwedReply, ...] = ()
    undo: Undo | None = None
    """What it takes to take the change back."""

    def written(self) -> GuildState:
        """The state as it is stored when the change is."""
        return replace(self.state, version=self.state.version + 1)
