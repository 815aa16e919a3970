"""Carries one command out on one guild: read, decide, commit; and again when someone else wrote first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from timmybot.domain.change import Change
from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId
from timmybot.domain.order_key import KeysExhausted
from timmybot.domain.rewriting import with_fresh_places
from timmybot.ports.guild_store import GuildStore, StoreUnavailable, VersionConflict
from timmybot.services.writing_anew import WritingAnew

log = logging.getLogger(__name__)

ATTEMPTS = 10
"""How often a lost race is run again. Racing commands of one guild come from people's fingers: two or three at once."""

Decide = Callable[[GuildState], Awaitable[tuple[Change, str]]]

Permit = Callable[[GuildSettings], None]
"""Raises :class:`CommandRefused` if the member may not do it in a guild with these settings."""


def anybody(settings: GuildSettings) -> None:
    """Whoever asks may do it."""


class CarryingOut:
    """Carries out what one interaction asks, once."""

    def __init__(self, store: GuildStore, interaction_id: InteractionId, permit: Permit = anybody) -> None:
        self._store = store
        self._interaction_id = interaction_id
        self._permit = permit

    async def __call__(self, decide: Decide) -> str:
        """Commit what ``decide`` makes of the state, and return its answer.

        ``decide`` is asked anew after each lost race; what the member meant it has to keep from its first time.
        So it is after a refusal, if the guild has changed meanwhile: what is read after the state may be of a later
        one, and nobody is to be told that there is nothing to undo because someone else was faster.

        Raises :class:`StoreUnavailable`, and what ``decide`` raises.
        """
        for _ in range(ATTEMPTS):
            state = await self._store.state()
            if state.has_seen(self._interaction_id):
                return "Done already."
            try:
                self._permit(state.settings)
                change, answer = await decide(state)
                await self._store.commit(replace(change, state=change.state.remember(self._interaction_id)))
            except VersionConflict:
                continue
            except CommandRefused:
                if await self._is_still(state):
                    raise
                continue
            except KeysExhausted:
                await self._make_room(state)
                continue
            return answer
        raise StoreUnavailable("every attempt lost its race")

    async def _is_still(self, state: GuildState) -> bool:
        return (await self._store.state()).version == state.version

    async def _make_room(self, state: GuildState) -> None:
        writing = WritingAnew(self._store)
        try:
            await self._store.commit(await writing.change(state, with_fresh_places))
        except VersionConflict:
            log.info("guild %d: its keys are made short at the next attempt", self._store.guild_id)
