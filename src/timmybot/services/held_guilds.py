"""The guilds that this worker looks after: those of the shards it holds, as long as they want something."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from timmybot.domain.ids import Epoch, GuildId, InteractionId, ShardId, WorkerId, shard_of
from timmybot.ports.clock import Clock
from timmybot.ports.discord import Replies
from timmybot.ports.guild_store import Fenced, GuildStores, NewerRelease, StoreUnavailable
from timmybot.ports.shard_sessions import ShardSessions
from timmybot.ports.track_source import TrackSource
from timmybot.ports.voice import Players
from timmybot.services.guild_loop import GuildLoop
from timmybot.services.leases import Leases
from timmybot.services.loudness import KnownLoudness
from timmybot.services.new_id import NewId
from timmybot.services.persistence import Persistence
from timmybot.services.reconcile import Reconciler
from timmybot.services.resolve import Resolving
from timmybot.services.right import NoRight
from timmybot.services.source_patience import SourcePatience
from timmybot.services.trials import Trial, Trials

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    loop: GuildLoop
    task: asyncio.Task[None]


class HeldGuilds:
    def __init__(
        self,
        *,
        guilds: GuildStores,
        leases: Leases,
        players: Players,
        sessions: ShardSessions,
        source: TrackSource,
        replies: Replies,
        loudness: KnownLoudness,
        clock: Clock,
        new_id: NewId,
        shard_count: int,
    ) -> None:
        self._guilds = guilds
        self._leases = leases
        self._players = players
        self._sessions = sessions
        self._source = source
        self._replies = replies
        self._loudness = loudness
        self._clock = clock
        self._new_id = new_id
        self._shard_count = shard_count
        self._kept: dict[GuildId, _Kept] = {}
        self._trials = Trials()
        self._reasons: dict[InteractionId, str] = {}

    def nudge(self, guild_id: GuildId) -> bool:
        """Look at the guild soon, if its shard is held here; return whether it is."""
        if shard_of(guild_id, self._shard_count) not in self._leases.held:
            return False
        kept = self._kept.get(guild_id)
        if kept is None or kept.task.done():
            loop = self._new_loop(guild_id)
            kept = _Kept(loop, asyncio.create_task(loop.run(), name=f"guild {guild_id}"))
            kept.task.add_done_callback(lambda task: self._ended(guild_id, task))
            self._kept[guild_id] = kept
        kept.loop.nudge()
        return True

    def nudge_all(self) -> None:
        for guild_id in list(self._kept):
            self.nudge(guild_id)

    def nudge_shard(self, shard_id: ShardId) -> None:
        """Look again at every guild of the shard that is looked after."""
        for one in self._of(shard_id):
            one.loop.nudge()

    def silence_all(self) -> None:
        """Stop sending everywhere, at once: this process stood still, and others may own its guilds by now."""
        for kept in self._kept.values():
            kept.loop.silence()
        for guild_id in self._players.statuses():
            self._players.open(guild_id).mute()

    def is_idle(self, shard_id: ShardId) -> bool:
        """Whether no guild of the shard is being looked after, or plays although it is not: its loop ended by a bug."""
        return not self._of(shard_id) and not self._connected_on(shard_id)

    async def drop(self, shard_id: ShardId) -> None:
        """Let go of a shard that another worker owns: be silent first, then forget."""
        kept = self._of(shard_id)
        for one in kept:
            one.loop.silence()
        for guild_id in self._connected_on(shard_id):
            self._players.open(guild_id).mute()
        await self._forget(kept)
        await self._sessions.close(shard_id)
        await self._close_players(shard_id)

    async def hand_over(self, shard_id: ShardId, heir: WorkerId | None) -> None:
        """Give a shard that is held to ``heir``, music and all; without one, leave its voice channels.

        Raises ``StoreUnavailable``: before anything is given up, if the places of its players cannot be saved yet.
        """
        kept = self._of(shard_id)
        anothers: set[GuildId] = set()
        for one in kept:
            try:
                await one.loop.save_position()
            except NoRight as error:
                if shard_id in self._leases.held:
                    raise StoreUnavailable(f"the right to shard {shard_id} has run out for now") from error
            except (Fenced, NewerRelease) as error:
                log.warning("guild %d: its place was not saved: %s", one.loop.guild_id, error)
                if isinstance(error, Fenced):
                    anothers.add(one.loop.guild_id)
        await self._forget(kept)
        for guild_id in self._connected_on(shard_id):
            player = self._players.open(guild_id)
            if heir is None and guild_id not in anothers and shard_id in self._leases.held:
                await player.leave()
            else:
                player.mute()
        session = await self._sessions.close(shard_id)
        await self._close_players(shard_id)
        await self._leases.release(shard_id, to=heir, session=session)

    async def abandon(self, shard_id: ShardId) -> None:
        """Leave the shard's voice channels without a word to the store, which takes none.

        The lease runs out by itself.
        """
        await self._forget(self._of(shard_id))
        for guild_id in self._connected_on(shard_id):
            await self._players.open(guild_id).leave()
        await self._sessions.close(shard_id)
        await self._close_players(shard_id)

    def _of(self, shard_id: ShardId) -> list[_Kept]:
        return [kept for guild, kept in self._kept.items() if shard_of(guild, self._shard_count) == shard_id]

    def _connected_on(self, shard_id: ShardId) -> list[GuildId]:
        """The guilds of the shard whose players do anything, be they looked after or not."""
        return [guild for guild in self._players.statuses() if shard_of(guild, self._shard_count) == shard_id]

    async def _close_players(self, shard_id: ShardId) -> None:
        for guild_id in self._connected_on(shard_id):
            await self._players.open(guild_id).close()

    async def _forget(self, kept: list[_Kept]) -> None:
        for one in kept:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in kept), return_exceptions=True)

    def _ended(self, guild_id: GuildId, task: asyncio.Task[None]) -> None:
        if self._kept.get(guild_id, None) is not None and self._kept[guild_id].task is task:
            del self._kept[guild_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bug, not an outage. The next scan starts the guild anew from what is stored.
            log.error("guild %d: its loop ended", guild_id, exc_info=error)

    def _new_loop(self, guild_id: GuildId) -> GuildLoop:
        store = self._guilds.open(guild_id)
        shard_id = shard_of(guild_id, self._shard_count)

        def right() -> Epoch:
            held = self._leases.held.get(shard_id)
            if held is None or not self._leases.may_act:
                raise NoRight
            return held.epoch

        async def connected() -> None:
            held = self._leases.held.get(shard_id)
            await self._sessions.open(shard_id, held.session if held else None)
            await self._leases.save_session(shard_id, self._sessions.session(shard_id))

        def looked() -> None:
            self.nudge(guild_id)

        player = self._players.open(guild_id)
        resolving = Resolving(
            store,
            self._source,
            self._replies,
            right,
            new_id=self._new_id,
            looked=looked,
            loudness=self._loudness,
            clock=self._clock,
            connected_seconds=lambda: player.status().connected_seconds,
            reasons=self._reasons,
        )
        reconciler = Reconciler(
            store,
            player,
            resolving,
            right,
            connected=connected,
            last_position=self._leases.last_position,
            persistence=Persistence(self._clock, looked),
            source_patience=SourcePatience(self._clock, looked),
            loudness=self._loudness,
            new_id=self._new_id,
            trial=Trial(self._trials, self._clock, looked),
            was_left_behind=partial(self._leases.was_left_behind, shard_id),
        )
        return GuildLoop(guild_id, reconciler, resolving, self._clock)
