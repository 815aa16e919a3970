"""What a playing's end makes of a guild's queue: the changes that commands and workers have in common."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from enum import Enum

from timmybot.domain import queue_edits
from timmybot.domain.change import Change
from timmybot.domain.errors import AlreadyAdvanced
from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import EntryId, OrderKey, PlayId
from timmybot.domain.order_key import KeysExhausted, after
from timmybot.domain.track import Entry
from timmybot.ports.guild_store import GuildStore, StoreError
from timmybot.services.new_id import NewId
from timmybot.services.right import Right

log = logging.getLogger(__name__)

RETIRED_AT_ONCE = 100
"""Entries. A worker looks at a guild that plays every some seconds, and gives the answers that it owes in between."""


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


async def retire(store: GuildStore, played: OrderKey, of: GuildState) -> None:
    """Let what was played be forgotten some day. If it fails, the history is a little longer."""
    try:
        await store.retire([played], of)
    except StoreError:
        log.warning("guild %d: history is kept longer", store.guild_id, exc_info=True)


async def retire_overtaken(store: GuildStore, right: Right) -> None:
    """Let some of what jumps have passed over be forgotten some day, as if it had been played.

    Each entry costs a write, so this is a worker's: a member does not wait for it, and it is made up for after a crash.
    Raises what the store and the right raise.
    """
    state = await store.state()
    if state.overtaken is None:
        return
    page = await store.entries(after=state.overtaken, limit=RETIRED_AT_ONCE, of=state)
    passed = [entry.key for entry in page if entry.key < state.head]
    await store.retire(passed, state)
    rest = passed[-1] if len(passed) == RETIRED_AT_ONCE else None
    await store.commit(Change(replace(state, overtaken=rest)), epoch=right())


async def _looped(store: GuildStore, state: GuildState, new_id: NewId) -> Entry | None:
    """What plays, as a new entry behind everything: the one that was played stays in the history.

    ``None`` if that cannot be read, or lies at the last of all places, where only someone else can have put it.
    """
    assert state.current is not None
    current = await store.entry(state.current, of=state)
    name = EntryId(new_id())
    try:
        return current and replace(current, key=after(state.tail, name), entry_id=name)
    except KeysExhausted:
        return None
