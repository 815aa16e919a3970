"""Finds out what queued links are, and gives the answers that are owed for them.

``/play`` answers at once with the link alone, because looking at it takes longer than Discord waits. A worker looks,
and edits that answer: now playing, queued, or why not. What cannot be played leaves the queue, and the queue goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from typing import Final

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId, OrderKey, PlayId
from timmybot.domain.track import Entry, Track
from timmybot.domain.wording import named, without_queries
from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordAway, DiscordError, Replies, ReplyExpired, ReplyNotYet
from timmybot.ports.guild_store import GuildStore, StoreError, VersionConflict
from timmybot.ports.track_source import SourceAway, TrackError, TrackSource
from timmybot.services.loudness import KnownLoudness
from timmybot.services.moving_on import retire_overtaken
from timmybot.services.new_id import NewId
from timmybot.services.right import NoRight, Right

AWAY_PAUSE_SECONDS: Final = 2.0
"""Between two looks at a link whose server cannot be reached."""
LOOK_SECONDS: Final = 30.0
"""How long such a link is looked at again while the guild's player stays connected to Discord ..."""
LONGEST_LOOK_SECONDS: Final = 300.0
"""... and where it is not, if the member who waits for an answer can be told."""

REASONS_KEPT: Final = 1_000

log = logging.getLogger(__name__)

NOT_YET_PAUSES_SECONDS = (0.3, 1.0, 2.0)
"""After an edit that overtook the first answer, which Discord knows at the latest 3 s after the command."""


class _Given(Enum):
    """What became of an edit of an answer that is owed."""

    OVER = auto()
    """It is there, or can never be."""
    TOO_EARLY = auto()
    """It overtook the first answer."""
    LATER = auto()
    AWAY = auto()
    """Discord could not be reached."""


class Resolving:
    """Resolves the entries of the guild that ``store`` was opened for.

    ``connected_seconds`` is for how long the guild's player has been connected: so long Discord could be reached.
    ``looked`` is called whenever something that :meth:`look_at` began is over, well or not.
    ``reasons`` are kept for longer than this object lives: why an entry left the queue, where the member could not be
    told yet.
    """

    def __init__(
        self,
        store: GuildStore,
        source: TrackSource,
        replies: Replies,
        right: Right,
        *,
        new_id: NewId,
        looked: Callable[[], None],
        loudness: KnownLoudness,
        clock: Clock,
        connected_seconds: Callable[[], float],
        reasons: dict[InteractionId, str],
    ) -> None:
        self._store = store
        self._source = source
        self._replies = replies
        self._right = right
        self._new_id = new_id
        self._looked = looked
        self._loudness = loudness
        self._clock = clock
        self._reasons = reasons
        self._waiting: dict[InteractionId, asyncio.Task[None]] = {}
        """Answers that overtook the first one, and are tried again."""
        self._connected_seconds = connected_seconds
        self._swept = 0
        self._underway: dict[OrderKey, asyncio.Task[Entry | None]] = {}
        self._awaited: set[OrderKey] = set()
        self._reporting: defaultdict[OrderKey, list[asyncio.Event]] = defaultdict(list)
        """What leaves the queue, until it is told why. Two may try the same at once: one of them loses its race."""

    async def resolved(self, entry: Entry) -> Entry | None:
        """The entry with its track resolved, or ``None`` if it cannot be played and has left the queue.

        An entry is looked at once even if several ask at the same time.
        """
        if entry.track.resolved:
            return entry
        return await asyncio.shield(self._looking_at(entry))

    def look_at(self, entry: Entry) -> None:
        """Begin to resolve the entry, unless that is under way, and wait for nothing."""
        if entry.key not in self._awaited:
            self._awaited.add(entry.key)
            self._looking_at(entry).add_done_callback(partial(self._end_look, entry.key))

    async def settle_all(self) -> bool:
        """Give every answer that is owed. Raises what the store and the right raise.

        Returns whether an entry left the queue, so that what is wanted may have changed.
        """
        dropped = False
        for owed in await self._store.owed_replies():
            if owed.interaction_id in self._waiting:
                continue
            entry = await self._store.entry(owed.key)
            if entry is None:
                await self._give_why_it_left(owed)
            elif (entry := await self.resolved(entry)) is not None:
                await self._give(owed, _outcome(entry, await self._store.state()))
            else:
                dropped = True
        # The caller closes this object next, and with it the answers that are still to be given.
        for key in list(self._reporting):
            await self._told(key)
        await asyncio.gather(*self._waiting.values())
        return dropped

    async def _give_why_it_left(self, owed: OwedReply) -> None:
        await self._told(owed.key)
        if owed.interaction_id in self._waiting:
            return
        if (reason := self._reasons.get(owed.interaction_id)) is not None:
            await self._give(owed, reason, is_failure=True)
        elif await self._owed_for(owed.key) is not None:
            await self._give(owed, "That track is no longer in the queue.")

    async def sweep(self, wanted: GuildState) -> None:
        """Remove writings of the queue that no undo needs any more, and let what was jumped over be forgotten.

        Looks only when there is a new writing, or something was jumped over: nothing else costs a read.
        """
        if wanted.overtaken is not None:
            await retire_overtaken(self._store, self._right)
        if self._swept != wanted.generations:
            while await self._store.sweep(wanted):
                continue
            self._swept = wanted.generations

    async def close(self) -> None:
        """Stop looking at whatever is being looked at."""
        tasks: list[asyncio.Task[Entry | None] | asyncio.Task[None]] = [
            *self._underway.values(),
            *self._waiting.values(),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def reporting(self, key: OrderKey | None) -> Iterator[None]:
        """Inside, the entry leaves the queue and :meth:`report` tells why: nobody else answers for it."""
        if key is None:
            yield
            return
        told = asyncio.Event()
        self._reporting[key].append(told)
        try:
            yield
        finally:
            self._reporting[key].remove(told)
            if not self._reporting[key]:
                del self._reporting[key]
            told.set()

    async def _told(self, key: OrderKey) -> None:
        """Wait until nobody is about to tell why the entry left the queue."""
        for told in list(self._reporting.get(key, ())):
            await told.wait()

    async def report(self, key: OrderKey, sentence: str, *, is_known: bool = False) -> bool:
        """Tell what became of an entry: in the answer that is owed for it, else in the text channel unless it is known.

        Returns whether Discord could be reached for that, as far as is known.
        """
        owed = await self._owed_for(key)
        if owed is None:
            return True if is_known else await self.tell(sentence)
        if owed.interaction_id in self._waiting:
            return True
        return await self._give(owed, sentence, is_failure=True)

    async def _owed_for(self, key: OrderKey) -> OwedReply | None:
        return next((owed for owed in await self._store.owed_replies() if owed.key == key), None)

    async def tell(self, sentence: str) -> bool:
        """Say something in the text channel. Returns whether Discord could be reached, as far as is known."""
        channel = (await self._store.state()).text_channel_id
        if channel is not None:
            try:
                await self._replies.tell(channel, sentence)
            except DiscordError as error:
                untold = without_queries(sentence)
                log.warning("guild %d was not told: %s (%s)", self._store.guild_id, untold, error)
                return not isinstance(error, DiscordAway)
        return True

    def _looking_at(self, entry: Entry) -> asyncio.Task[Entry | None]:
        task = self._underway.get(entry.key)
        if task is None:
            task = asyncio.create_task(self._look_at(entry))
            self._underway[entry.key] = task
            task.add_done_callback(lambda _: self._underway.pop(entry.key, None))
        return task

    def _end_look(self, key: OrderKey, task: asyncio.Task[Entry | None]) -> None:
        self._awaited.discard(key)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            expected = isinstance(error, (NoRight, StoreError))
            log.log(logging.INFO if expected else logging.ERROR, "a look at a link came to nothing", exc_info=error)
        self._looked()

    async def _look_at(self, entry: Entry) -> Entry | None:
        track = await self._found(entry)
        if track is None:
            return None
        while True:
            # The entry is read after the state: had it gone in between, the commit would lose its race.
            state = await self._store.state()
            stored = await self._store.entry(entry.key, of=state)
            if stored is None:
                return None
            resolved = replace(stored, track=track)
            try:
                change = Change(state.learn(stored, resolved), replace=(resolved,))
                await self._store.commit(change, epoch=self._right())
            except VersionConflict:
                continue
            if state.settings.target_lufs is not None:
                self._loudness.find_out(track)
            return resolved

    async def _found(self, entry: Entry) -> Track | None:
        """What is at the entry's link; ``None`` if that cannot be played, and the entry has left the queue.

        A server that cannot be reached is asked again for a while, unless its name may be mistyped. While
        Discord cannot be reached either, the network is away: nothing follows for the link.
        """
        began_at = self._clock.monotonic()
        while True:
            try:
                return await self._source.resolve(entry.track.url)
            except SourceAway as trouble:
                if await self._store.entry(entry.key) is None:
                    return None
                sentence = f"I can't play <{entry.track.url}>. {trouble}"
                passed = self._clock.monotonic() - began_at
                is_long = min(passed, self._connected_seconds()) >= LOOK_SECONDS or passed >= LONGEST_LOOK_SECONDS
                if (trouble.unknown_name or is_long) and await self.report(entry.key, sentence):
                    await self._drop(entry)
                    return None
            except TrackError as trouble:
                with self.reporting(entry.key):
                    is_known = not await self._drop(entry)
                    await self.report(entry.key, f"I can't play <{entry.track.url}>. {trouble}", is_known=is_known)
                return None
            await self._clock.sleep(AWAY_PAUSE_SECONDS)

    async def _drop(self, entry: Entry) -> bool:
        """Take the entry out of the queue, going on to the next one if it was to be heard now.

        Returns whether it was still there.
        """
        meant: PlayId | None = None
        while True:
            state = await self._store.state()
            stored = await self._store.entry(entry.key, of=state)
            if stored is None:
                return False
            if state.current == entry.key and meant in (None, state.play_id):
                meant = state.play_id
                assert meant is not None
                step = await self._store.step(state)
                changed = state.advance(meant, step.to, PlayId(self._new_id()), step.passed)
            elif entry.key > state.head:
                changed = state.without_waiting(stored)
            else:
                changed = state
            try:
                await self._store.commit(Change(changed, remove=(entry.key,)), epoch=self._right())
            except VersionConflict:
                continue
            return True

    async def _give(self, owed: OwedReply, sentence: str, *, is_failure: bool = False) -> bool:
        """Edit the answer. One that overtook the first answer is tried again, and nobody waits for that here.

        Returns whether Discord could be reached.
        """
        if is_failure:
            self._reasons[owed.interaction_id] = sentence
            for longest_kept in list(self._reasons)[:-REASONS_KEPT]:  # They were told by another worker.
                del self._reasons[longest_kept]
        given = await self._given(owed, sentence, is_failure=is_failure)
        if given is _Given.TOO_EARLY:
            waiting = asyncio.create_task(self._give_later(owed, sentence, is_failure=is_failure))
            self._waiting[owed.interaction_id] = waiting
            waiting.add_done_callback(lambda _: self._waiting.pop(owed.interaction_id, None))
        return given is not _Given.AWAY

    async def _give_later(self, owed: OwedReply, sentence: str, *, is_failure: bool) -> None:
        try:
            for pause in NOT_YET_PAUSES_SECONDS:
                await self._clock.sleep(pause)
                if await self._given(owed, sentence, is_failure=is_failure) is not _Given.TOO_EARLY:
                    return
        except (StoreError, NoRight) as error:
            log.info("interaction %d is answered later: %s", owed.interaction_id, error)

    async def _given(self, owed: OwedReply, sentence: str, *, is_failure: bool) -> _Given:
        """Edit the answer, if it can be now or never."""
        try:
            await self._replies.edit(owed, sentence + owed.warning)
        except ReplyNotYet as error:
            log.info("interaction %d: %s", owed.interaction_id, error)
            return _Given.TOO_EARLY
        except ReplyExpired as error:
            log.warning("interaction %d was not answered: %s", owed.interaction_id, error)
            if is_failure:
                await self.tell(sentence)  # The track has left the queue, and nothing else says why.
        except DiscordError as error:
            log.warning("interaction %d is answered later: %s", owed.interaction_id, error)
            # It stays owed, and the next scan finds the guild by it.
            return _Given.AWAY if isinstance(error, DiscordAway) else _Given.LATER
        await self._store.settle(owed.interaction_id)
        self._reasons.pop(owed.interaction_id, None)
        return _Given.OVER


def _outcome(entry: Entry, state: GuildState) -> str:
    if state.current == entry.key:
        return f"Now playing {named(entry.track)}"
    if entry.key > state.head:
        return f"Queued {named(entry.track)}"
    return f"Played {named(entry.track)}"
