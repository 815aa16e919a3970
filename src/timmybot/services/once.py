"""A worker's own act on a guild's wish, done once although nobody may have heard that it was.

A write whose answer is lost may have taken effect. Members' commands are told apart by their interaction ids, which the
state remembers; a worker that stops a guild's player because it was thrown out has none, and gives itself one. Else it
would stop, after an outage, what members have queued since.
"""

from __future__ import annotations

import hashlib

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId
from timmybot.services.new_id import NewId


class Once:
    """One act at a time: it keeps its id until it is known to be done."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._id: InteractionId | None = None

    def is_done(self, state: GuildState) -> bool:
        """Whether an earlier attempt took effect after all."""
        return self._id is not None and state.has_seen(self._id)

    def marked(self, state: GuildState) -> GuildState:
        """``state``, from which it can be told that the act was done."""
        if self._id is None:
            self._id = _no_interaction(self._new_id())
        return state.remember(self._id)

    def over(self) -> None:
        """The act is done: what comes next is another one."""
        self._id = None


def _no_interaction(name: str) -> InteractionId:
    """An id that no interaction has: below 2**48, a snowflake is of the first day of 2015.

    Source: Discord, Reference, "Snowflakes": milliseconds since 2015, shifted by 22 bits.
    """
    return InteractionId(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest(), "big"))
