"""This worker's shard leases: its heartbeat, what it holds, what it takes and what it lets go.

Two rights follow from a lease. The **strict** right (write, identify, join, resolve) needs a heartbeat that was
acknowledged within the lease less a margin, timed from *before* the call, so that it ends before any observer may
take over. The **soft** right (go on sending on a connection that is up) is not this module's to withdraw, but for a
process that finds it was stalled: see :meth:`Leases.stalled`.

Limits: all workers look at the same two partitions every beat; that suits tens of workers, not thousands.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from timmybot.domain.ids import Epoch, PlayId, ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, Observer, ShardLease, claimable, fair_share
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import StoreBroken, StoreUnavailable
from timmybot.ports.lease_store import LeaseLost, LeaseStore
from timmybot.settings import Settings

log = logging.getLogger(__name__)


_NEWS_SECONDS = 0.5
"""How far a song may have come before a heartbeat tells of it."""

_PLACES_REMEMBERED = 2_000
"""Far more than all workers play while one shard changes hands."""


class Leases:
    """The leases of one worker. ``positions`` tells where its players are, for the heartbeat to carry; ``gets_on``,
    whether the process makes progress: one that does not renews nothing, and loses its shards."""

    def __init__(
        self,
        store: LeaseStore,
        clock: Clock,
        settings: Settings,
        *,
        me: WorkerId,
        revision: int,
        positions: Callable[[], Mapping[PlayId, int]],
        gets_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._positions = positions
        self._gets_on = gets_on
        self._observer = Observer(settings.lease_seconds)
        self._mine = Heartbeat(me, counter=0, renewed_at=0.0, revision=revision)
        self._changing: defaultdict[ShardId, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Locked while a shard that is held is taken anew or released: of the two, one has to come first."""
        self._others: dict[WorkerId, Heartbeat] = {}
        self._tells: Mapping[PlayId, int] = {}
        """What this worker's own heartbeat says of places."""
        self._told: dict[PlayId, int] = {}
        """Where playings were by heartbeats that have been written over since, the latest last."""
        self._acknowledged_at = float("-inf")
        self.store_is_broken = False
        """Whether the last beat was refused by a store that somebody has to mend first."""
        self._confirmed = True
        self._last_beat_at = clock.monotonic()
        self.held: dict[ShardId, ShardLease] = {}
        self._gained: set[ShardId] = set()
        self._lost: set[ShardId] = set()
        """What was gained and lost, and nobody was told of yet."""
        self._left_behind: dict[ShardId, Epoch] = {}
        """The epochs under which shards were taken from owners that had fallen silent."""
        self._in_doubt: set[ShardId] = set()
        """Shards that a call still on its way may take from this worker: a release of its own whose answer did not
        come, or a take by somebody who thought it dead."""

    @property
    def me(self) -> WorkerId:
        return self._mine.worker_id

    @property
    def draining(self) -> bool:
        return self._mine.draining

    @property
    def may_act(self) -> bool:
        """The strict right, right now."""
        return self._confirmed and self._renewed

    @property
    def _renewed(self) -> bool:
        margin = self._settings.lease_margin_seconds
        return self._clock.monotonic() - self._acknowledged_at < self._settings.lease_seconds - margin

    def stalled(self) -> bool:
        """Whether this process stood still for longer than the margin since its last beat.

        Another worker may own its shards by now, so it must be silent until it has renewed and looked.
        """
        late = self._clock.monotonic() - self._last_beat_at - self._settings.heartbeat_seconds
        return late > self._settings.lease_margin_seconds

    async def beat(self) -> None:
        """Renew the heartbeat, if this process gets on. Raises ``StoreUnavailable``.

        What is not renewed runs out by itself: first the strict right, then the lease.
        """
        if not self._gets_on() and not self.stalled():  # else everything stood still, and goes on now
            log.error("what plays the music hangs: the lease is not renewed, so that others take over")
            self._last_beat_at = self._clock.monotonic()  # The loop itself is on time.
            return
        before = self._last_beat_at = self._clock.monotonic()
        self._remember(self._mine.positions)
        self._mine = replace(
            self._mine,
            counter=self._mine.counter + 1,
            renewed_at=self._clock.now(),
            positions=dict(self._positions()),
        )
        if not self._renewed:
            # Others may have taken what this worker still believes to hold: a beat alone does not give it back.
            self._confirmed = not self.held
            self._in_doubt |= set(self.held)
        try:
            await self._store.beat(self._mine)
        except StoreBroken:
            self.store_is_broken = True
            raise
        self.store_is_broken = False
        self._acknowledged_at = before
        self._tells = self._mine.positions

    async def until_due(self, seconds: float) -> None:
        """Return when the next beat is due: after ``seconds``, or soon after something began to sound.

        What no heartbeat tells of would be heard again from its beginning, if this worker died.
        """
        due_at = self._clock.monotonic() + seconds
        while (left := due_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(left, _NEWS_SECONDS))
            if any(place > 0 and not self._tells.get(playing) for playing, place in self._positions().items()):
                return

    async def look(self) -> tuple[set[ShardId], set[ShardId]]:
        """Read who lives and who owns what; take what is free, up to a fair share. Return (gained, lost) shards.

        Raises ``StoreUnavailable``; what was gained or lost until then is returned by the next look.
        """
        # The leases first. Whoever takes a shard, or takes it anew after its right had run out, has beaten before: what
        # is read here of an owner is followed by a heartbeat that is at least as young.
        stored = {lease.shard_id: lease for lease in await self._store.leases()}
        now = await self._see_who_lives()
        for shard in set(self.held):
            if shard in stored and stored[shard].owner == self.me:
                self.held[shard] = stored[shard]  # under another epoch, if the answer to a take of its own did not come
            else:
                self._lose(shard)
        await self._take_back()
        self._confirmed = not self._in_doubt
        if not self._mine.draining:
            await self._take_free(stored, now)
        gained, lost = self._gained, self._lost
        self._gained, self._lost = set(), set()
        return gained, lost

    def _lose(self, shard: ShardId) -> None:
        self.held.pop(shard, None)
        self._gained.discard(shard)
        self._lost.add(shard)

    async def _take_back(self) -> None:
        """Raise the epoch of what is held in doubt, so that what is still on its way fails."""
        outcomes = await asyncio.gather(*map(self._take_anew, sorted(self._in_doubt)), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _take_anew(self, shard: ShardId) -> None:
        async with self._changing[shard]:
            held = self.held.get(shard)
            if held is not None:
                try:
                    self.held[shard] = await self._store.take(held, self.me)
                except LeaseLost:
                    self._lose(shard)
            self._in_doubt.discard(shard)

    async def _see_who_lives(self) -> float:
        """Read the heartbeats; return when that began."""
        now = self._clock.monotonic()
        heartbeats = await self._store.heartbeats()
        self._observer.see(heartbeats, self._clock.monotonic())
        for beat in self._others.values():
            self._remember(beat.positions)
        self._others = {beat.worker_id: beat for beat in heartbeats if beat.worker_id != self.me}
        return now

    def _remember(self, positions: Mapping[PlayId, int]) -> None:
        """Keep what a heartbeat told that is written over now. A playing's place only grows."""
        for play_id, place in positions.items():
            self._told[play_id] = max(place, self._told.pop(play_id, 0))
        for play_id in list(self._told)[:-_PLACES_REMEMBERED]:
            del self._told[play_id]

    async def _take_free(self, stored: Mapping[ShardId, ShardLease], now: float) -> None:
        alive, holding = self._alive(now), self._holding(now)
        share = fair_share(self._settings.shard_count, len(alive | {self.me}))
        for number in range(self._settings.shard_count):
            shard = ShardId(number)
            seen = stored.get(shard, ShardLease(shard))
            if shard in self._lost:
                continue  # It was another's before it could be taken anew: what was read is older.
            if seen.owner == self.me:
                # A take whose answer was lost took effect all the same.
                self.held.setdefault(shard, seen)
                continue
            if seen.owner in holding:
                continue
            # What an owner left behind that died may be playing: it is nobody's share. Whoever has noticed takes it, as
            # one that has just begun to look would first have to notice, too.
            wanted_here = seen.owner is not None or seen.next_owner == self.me
            if len(self.held) >= share and not wanted_here:
                continue
            fresh = self._clock.monotonic() - now < self._settings.lease_margin_seconds
            if fresh and self.may_act and claimable(seen, self.me, alive):
                if seen.owner is not None:  # noted before: a take whose answer is lost may have taken effect
                    self._left_behind[shard] = Epoch(seen.epoch + 1)
                try:
                    self.held[shard] = await self._store.take(seen, self.me)
                except LeaseLost:
                    self._left_behind.pop(shard, None)
                    continue
                self._gained.add(shard)

    def was_left_behind(self, shard: ShardId, epoch: Epoch) -> bool:
        """Whether the shard was taken from a worker that had fallen silent, without having handed it over, after
        ``epoch``: what was done under that epoch may have been that worker's doing, or its end."""
        return epoch < self._left_behind.get(shard, Epoch(0))

    def _holding(self, now: float) -> frozenset[WorkerId]:
        """The other workers that live: one that is on its way out holds what it has not handed over yet."""
        return frozenset(worker for worker in self._others if self._observer.is_alive(worker, now))

    def _alive(self, now: float) -> frozenset[WorkerId]:
        """The workers that live and mean to stay, but for this one."""
        return frozenset(
            worker
            for worker, beat in self._others.items()
            if not beat.draining and self._observer.is_alive(worker, now)
        )

    def surplus(self) -> int:
        """How many shards this worker holds over its fair share, now that it knows who else lives."""
        alive = self._alive(self._clock.monotonic())
        return len(self.held) - fair_share(self._settings.shard_count, len(alive) + 1)

    def outdated(self) -> bool:
        """Whether a worker of a newer task revision lives: this one is being replaced."""
        now = self._clock.monotonic()
        return any(self._others[worker].revision > self._mine.revision for worker in self._alive(now))

    def expects_shards(self) -> bool:
        """Whether another worker that lives is about to hand its shards over: it drains, or is of an older revision."""
        now = self._clock.monotonic()
        leaving = (
            worker for worker, beat in self._others.items() if beat.draining or beat.revision < self._mine.revision
        )
        return not self.draining and any(self._observer.is_alive(worker, now) for worker in leaving)

    def heir(self) -> WorkerId | None:
        """The living worker to hand shards to, the newest revision first; ``None`` if this is the last one."""
        alive = self._alive(self._clock.monotonic())
        return max(alive, key=lambda worker: (self._others[worker].revision, worker), default=None)

    def last_position(self, play_id: PlayId, *, rate: float) -> int | None:
        """Where ``play_id`` was by anyone's heartbeats, living or not, in milliseconds.

        Not by the last ones alone: a worker that stood still, and has lost its guilds to another, tells of their
        players no more, and that other may not have begun to play them yet.

        A worker that fell silent died somewhere between two beats: what it played is taken to have gone on for half of
        that time, at ``rate`` seconds of the track a second, which is 0.0 for what was paused. One that lives, or said
        that it was leaving, has saved the place itself.
        """
        now = self._clock.monotonic()
        told = [
            (place + int(rate * self._half_a_beat_ms) if place and self._has_died(beat, now) else place)
            for beat in self._others.values()
            if (place := beat.positions.get(play_id)) is not None
        ]
        return max((*told, *filter(None, [self._told.get(play_id)])), default=None)

    @property
    def _half_a_beat_ms(self) -> float:
        return self._settings.heartbeat_seconds * 500

    def _has_died(self, beat: Heartbeat, now: float) -> bool:
        return not beat.draining and not self._observer.is_alive(beat.worker_id, now)

    async def release(self, shard: ShardId, *, to: WorkerId | None, session: GatewaySession | None) -> None:
        """Let a shard go. Losing it to another worker meanwhile is as good.

        Raises ``StoreUnavailable``; then the shard stays held, lest nobody looks after it while this worker lives.
        """
        async with self._changing[shard]:
            held = self.held.pop(shard, None)
            if held is None:
                return
            try:
                await self._store.release(held, next_owner=to, session=session)
            except LeaseLost:
                log.info("shard %d was taken before it was released", shard)
            except StoreUnavailable:
                # It may have taken effect: only the next look can tell whose the shard is.
                self.held[shard], self._confirmed = held, False
                self._in_doubt.add(shard)
                raise

    async def save_session(self, shard: ShardId, session: GatewaySession | None) -> None:
        """Keep the shard's gateway session for a successor. Best effort: without it the successor identifies."""
        held = self.held.get(shard)
        if held is None or held.session == session:
            return
        try:
            await self._store.save_session(held, session)
            if self.held.get(shard) == held:  # not released meanwhile
                self.held[shard] = replace(held, session=session)
        except (LeaseLost, StoreUnavailable):
            log.info("the gateway session of shard %d was not saved", shard)

    async def announce_draining(self) -> None:
        """Tell everyone that this worker takes nothing more and is on its way out."""
        self._mine = replace(self._mine, draining=True)
        await self.beat()

    def stay(self) -> None:
        """Take that back, from the next beat on."""
        self._mine = replace(self._mine, draining=False)
