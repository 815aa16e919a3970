"""What a playing's end makes of a guild's queue: the changes that commands and workers have in common."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from timmybot.domain import queue_edits
from timmybot.domain.change import Change
from timmybot.domain.errors import AlreadyAdvanced
from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import EntryId, OrderKey, PlayId
from timmybot.domain.order_key import after
from timmybot.domain.track import Entry
from timmybot.ports.guild_store import GuildStore, StoreError
from timmybot.services.new_id import NewId

log = logging.getLogger(__name__)


class Over(Enum):
    """Why a playing is over."""

    ENDED = "ended"
    SKIPPED = "skipped"
    FAILED = "failed"
    """It is not looped: it would only fail again."""


async def move_on(
    store: GuildStore, state: GuildState, over: PlayId, why: Over, new_id: NewId
) -> tuple[Change, Entry | None]:
    """The change that ends the playing ``over``, and the entry that follows; ``None`` if none does.

    Raises :class:`AlreadyAdvanced` when ``over`` is no longer what plays.
    """
    if state.play_id != over or state.current is None:
        raise AlreadyAdvanced
    play_id = PlayId(new_id())
    if why is Over.ENDED and state.loop is Loop.TRACK:
        return Change(state.again(over, play_id)), await store.entry(state.current, of=state)
    looped = await _looped(store, state, new_id) if state.loop is Loop.QUEUE and why is not Over.FAILED else None
    step = await store.step(state)
    queued = state.requeue(looped) if looped else state
    to = step.to or looped
    return Change(queued.advance(over, to, play_id, step.passed), add=(looped,) if looped else ()), to


async def stop(store: GuildStore, state: GuildState) -> Change:
    """The change that stops the music and lets nothing wait. Raises ``NothingPlaying``."""
    return queue_edits.stop(state, *await what_stays(store, state))


async def what_stays(store: GuildStore, state: GuildState) -> tuple[Entry | None, list[Entry]]:
    """What goes along when a queue is cleared: what plays, and the last history, oldest first."""
    if state.current is None:
        return None, []
    current, history = await asyncio.gather(
        store.entry(state.current, of=state), store.history(state, limit=queue_edits.HISTORY_COPIED)
    )
    return current, history[::-1]


async def retire(store: GuildStore, played: Sequence[OrderKey], of: GuildState) -> None:
    """Let what was played be forgotten some day. If it fails, the history is a little longer."""
    try:
        await store.retire(played, of)
    except StoreError:
        log.warning("guild %d: history is kept longer", store.guild_id, exc_info=True)


async def _looped(store: GuildStore, state: GuildState, new_id: NewId) -> Entry | None:
    """What plays, as a new entry behind everything: the one that was played stays in the history."""
    assert state.current is not None
    current = await store.entry(state.current, of=state)
    name = EntryId(new_id())
    return current and replace(current, key=after(state.tail, name), entry_id=name)
