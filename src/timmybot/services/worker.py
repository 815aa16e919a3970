"""A worker: holds shards, and keeps the guilds on them reconciled.

Four loops run side by side. The **beat** renews the lease and takes or loses shards; the **inbox** hears of guilds that
have something new; the **scan** finds whatever a nudge missed; the **report** writes metrics. Each of them survives
an outage of the store: music that plays goes on, and everything else is made up for when the store is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from timmybot.domain.ids import GuildId, ShardId, shard_of
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import GuildStores, StoreBroken, StoreUnavailable
from timmybot.ports.inbox import Inbox
from timmybot.ports.metrics import Metrics
from timmybot.ports.service_scaler import ScaleInProtection
from timmybot.ports.shard_sessions import ShardSessions
from timmybot.ports.voice import Players
from timmybot.services.ever_rarer import EverRarer
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.leases import Leases
from timmybot.settings import Settings

log = logging.getLogger(__name__)

HAND_OVER_LOOK_SECONDS = 0.5
"""How often a worker looks whether a shard was handed to it, while another is leaving: 3 s of silence are promised."""

BROKEN_STORE_SECONDS = 2.0
"""How long a worker that was told to stop tries a store that somebody has to mend first. It is not waited for: whoever
mends it may be who stops the worker."""


class Worker:
    """One worker process. With ``always_connected``, every shard held has a gateway session, wanted or not: then
    commands come in through it."""

    def __init__(
        self,
        *,
        guilds: GuildStores,
        leases: Leases,
        inbox: Inbox,
        held_guilds: HeldGuilds,
        sessions: ShardSessions,
        players: Players,
        metrics: Metrics,
        protection: ScaleInProtection,
        clock: Clock,
        settings: Settings,
        always_connected: bool = False,
    ) -> None:
        self._guilds = guilds
        self._leases = leases
        self._inbox = inbox
        self._held_guilds = held_guilds
        self._sessions = sessions
        self._players = players
        self._metrics = metrics
        self._protection = protection
        self._clock = clock
        self._settings = settings
        self._always_connected = always_connected
        self._heard: set[str] = set()
        self._inbox_read_up_to = 0.0
        self._silent = False
        """Whether the process stood still and has not confirmed its leases since."""
        self._letting_go: asyncio.Task[None] | None = None
        self._stopping = False
        self._giving_away = EverRarer(clock)
        players.on_change(held_guilds.nudge)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then hand everything over and return."""
        every = self._settings
        loops = [
            asyncio.create_task(self._repeat(self._beat_seconds, self.beat, self._leases.until_due), name="beat"),
            asyncio.create_task(self._repeat(lambda: every.inbox_poll_seconds, self.read_inbox), name="inbox"),
            asyncio.create_task(self._repeat(lambda: every.scan_seconds, self.scan_all), name="scan"),
            asyncio.create_task(self._repeat(lambda: every.metrics_seconds, self.report), name="report"),
        ]
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([stopped, *loops], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # A loop only ends by a bug: let it be seen, and the process be restarted.
        finally:
            self._stopping = True
            # The beat goes on during the drain: handing over needs the strict right.
            for task in (stopped, *loops[1:], *filter(None, [self._letting_go])):
                task.cancel()
            try:
                await asyncio.wait_for(self.drain(), self._settings.drain_seconds)
            except TimeoutError:
                log.warning("the drain took too long; what is left is taken over when the lease runs out")
            finally:
                loops[0].cancel()
                for outcome in await asyncio.gather(stopped, *loops, return_exceptions=True):
                    if isinstance(outcome, Exception):
                        log.error("a loop had ended by a bug", exc_info=outcome)

    async def beat(self) -> None:
        """Renew the lease, see who else lives, and take or lose shards."""
        self._be_silent_if_stalled()
        try:
            await self._leases.beat()
        finally:
            self._be_silent_if_stalled()  # It may have stood still in the middle of the call.
        gained, lost = await self._leases.look()
        for shard_id in lost:
            log.warning("shard %d is another worker's now", shard_id)
            await self._held_guilds.drop(shard_id)
        if gained:
            self._metrics.emit({"ShardsTaken": len(gained)})
            await asyncio.gather(*(self._scan(shard_id) for shard_id in gained))
        if self._silent:
            self._silent = False
            self._held_guilds.nudge_all()
        await self._balance()

    def _be_silent_if_stalled(self) -> None:
        if self._leases.stalled():
            self._silent = True
            log.warning("this process stood still; silent until its leases are confirmed")
            self._held_guilds.silence_all()

    def nudge(self, guild_id: GuildId) -> None:
        """Look at the guild now: for whoever posts to the inbox from this very process."""
        self._held_guilds.nudge(guild_id)

    async def read_inbox(self) -> None:
        """Nudge the guilds that the inbox names. Nudges are read again within the overlap, and heard once.

        How far it was read goes by the writers' clocks and by this worker's, whichever is behind: neither may be
        trusted alone, and whatever was written during an outage is still to be read after it. What came for shards
        before this worker had them is found by the scan with which it takes them.
        """
        now = self._clock.now()
        nudges = await self._inbox.read(self._inbox_read_up_to - self._settings.inbox_overlap_seconds)
        self._heard = {
            nudge.nudge_id
            for nudge in nudges
            if nudge.nudge_id in self._heard or self._held_guilds.nudge(nudge.guild_id)
        }
        if nudges:
            self._inbox_read_up_to = min(now, nudges[-1].written_at)

    async def scan_all(self) -> None:
        """Look at every guild of every shard held that wants a player, whatever nudges were lost."""
        for shard_id in list(self._leases.held):
            await self._scan(shard_id)
            if self._sessions.is_open(shard_id):
                await self._leases.save_session(shard_id, self._sessions.session(shard_id))

    async def report(self) -> None:
        """Write the figures that scaling and alarms are made of, and keep this task as long as it plays."""
        statuses = self._players.statuses().values()
        playing = sum(1 for status in statuses if status.play_id and not status.paused and not status.ending)
        self._metrics.emit({"Players": playing, "Active": min(playing, 1), **self._players.figures()})
        await self._protection.protect(playing > 0 and not self._leases.draining)

    async def drain(self) -> None:
        """Hand every shard over to a worker that stays, or leave quietly if this is the last one.

        The music goes on until the others have had a beat's time to hear of it, and look out for the shards.
        """
        try:
            await self._leases.announce_draining()
        except StoreUnavailable as error:
            log.warning("nobody was told that this worker is leaving: %s", error)
        if self._leases.held and self._leases.heir() is not None:
            await self._clock.sleep(self._settings.heartbeat_seconds)
        await self._hand_everything_over()
        await self._protection.protect(False)

    async def _hand_everything_over(self) -> None:
        heir = self._leases.heir()
        log.info("handing %d shards over to %s", len(self._leases.held), heir or "nobody")
        broken_until = self._clock.monotonic() + BROKEN_STORE_SECONDS
        while self._leases.held:
            failures = await asyncio.gather(*(self._hand_over(shard_id) for shard_id in list(self._leases.held)))
            if not self._leases.held:
                return
            pause = self._settings.heartbeat_seconds
            if self._leases.store_is_broken or any(isinstance(failure, StoreBroken) for failure in failures):
                left = broken_until - self._clock.monotonic()
                if left <= 0 and self._stopping:
                    await self._abandon_everything()
                    return
                pause = min(pause, max(left, 0.0)) if self._stopping else pause
            await self._clock.sleep(
                pause
            )  # The store is away: the music goes on until it is back, or the time is over.

    async def _abandon_everything(self) -> None:
        log.error("the store stays broken, so this worker leaves without having saved its places")
        await asyncio.gather(*(self._held_guilds.abandon(shard_id) for shard_id in list(self._leases.held)))

    async def _hand_over(self, shard_id: ShardId) -> StoreUnavailable | None:
        """Return what keeps the shard from being released, if anything does."""
        try:
            await self._held_guilds.hand_over(shard_id, self._leases.heir())
        except StoreUnavailable as error:
            log.warning("shard %d was not released yet: %s", shard_id, error)
            return error
        return None

    async def _balance(self) -> None:
        """Give way to newer and to poorer workers, never at the cost of a guild that plays."""
        if self._leases.outdated():
            self._let_go()
        elif self._letting_go is not None and self._letting_go.done() and not self._stopping:
            log.warning("the newer workers are gone: going on")
            self._letting_go = None
            self._leases.stay()
        if self._leases.draining:
            return
        for shard_id in self._stuck_shards() if self._leases.heir() else ():
            if not self._giving_away.is_time(shard_id):
                continue
            log.warning("a player of shard %d is not heard from here: another worker may do better", shard_id)
            if await self._hand_over(shard_id) is not None and not self._held_guilds.is_idle(shard_id):
                self._giving_away.came_to_nothing(shard_id)
        idle = [shard_id for shard_id in self._leases.held if self._held_guilds.is_idle(shard_id)]
        for shard_id in idle[: max(self._leases.surplus(), 0)]:
            await self._hand_over_idle(shard_id)

    def _stuck_shards(self) -> set[ShardId]:
        stuck = (guild_id for guild_id, status in self._players.statuses().items() if status.stuck)
        return {shard_of(guild_id, self._settings.shard_count) for guild_id in stuck} & set(self._leases.held)

    def _let_go(self) -> None:
        """Drain, beside the beat: handing over needs the strict right, however long it takes."""
        if self._leases.held and (self._letting_go is None or self._letting_go.done()):
            log.info("a newer worker is here")
            self._letting_go = asyncio.create_task(self.drain(), name="let go")

    async def _hand_over_idle(self, shard_id: ShardId) -> None:
        session = await self._sessions.close(shard_id)
        await self._leases.release(shard_id, to=None, session=session)

    async def _scan(self, shard_id: ShardId) -> None:
        if self._always_connected and shard_id in self._leases.held:
            await self._sessions.open(shard_id, self._leases.held[shard_id].session)
        for guild_id in await self._guilds.wanting(shard_id):
            self._held_guilds.nudge(guild_id)
        # Those that want nothing any more are not among them, and may still be playing: the nudge was lost.
        self._held_guilds.nudge_shard(shard_id)

    def _beat_seconds(self) -> float:
        """Between two beats: few as long as shards are about to be handed over, for they are silent until taken."""
        usual = self._settings.heartbeat_seconds
        return min(HAND_OVER_LOOK_SECONDS, usual) if self._leases.expects_shards() else usual

    async def _repeat(
        self,
        seconds: Callable[[], float],
        act: Callable[[], Awaitable[None]],
        pause: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        pause = pause or self._clock.sleep
        while True:
            begun_at = self._clock.monotonic()
            try:
                await act()
            except StoreUnavailable as error:
                log.warning("%s: the store is unavailable: %s", act.__name__, error)
            # What was slow to fail is tried again at once: a beat that comes a whole interval later costs the lease.
            await pause(max(seconds() - (self._clock.monotonic() - begun_at), 0.0))
