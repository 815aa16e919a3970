"""Workers with everything around them in memory, on a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.clock import FakeClock, settle
from tests.fakes.discord import FakeShardSessions
from tests.fakes.guild import GUILD, FrontOfHouse
from tests.fakes.stores import FakeTrackCache
from tests.fakes.surroundings import FakeMetrics, FakeProtection, FakeSource
from tests.fakes.voice_room import FakePlayer, FakePlayers
from timmybot.domain.ids import Epoch, GuildId, PlayId, WorkerId
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.leases import Leases
from timmybot.services.loudness import KnownLoudness
from timmybot.services.progress import Progress
from timmybot.services.resolve import Resolving
from timmybot.services.worker import Worker


@dataclass
class FakeWorker:
    """One worker process: its own players and sessions, the house's stores."""

    leases: Leases
    players: FakePlayers
    sessions: FakeShardSessions
    metrics: FakeMetrics
    protection: FakeProtection
    worker: Worker
    clock: FakeClock
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.worker.run(self.stop))

    async def drained(self) -> None:
        """SIGTERM, and its end, however long that takes."""
        self.stop.set()
        assert self.task
        await settle()
        while not self.task.done():
            await self.clock.advance(0.1)
        await self.task

    async def killed(self) -> None:
        """SIGKILL: nothing of it runs any more, and nothing was said. What it sent is silent."""
        assert self.task
        self.worker.drain = _nothing  # type: ignore[method-assign]  # what ends by SIGKILL hands nothing over
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await settle()

    def player(self, guild_id: GuildId) -> FakePlayer:
        return self.players.open(guild_id)


async def _nothing() -> None:
    pass


class Theatre(FrontOfHouse):
    """A front of house with a stage behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.source = FakeSource()
        self.tracks = FakeTrackCache(self.clock)
        self.new_players: Callable[[], FakePlayers] = FakePlayers
        """What each worker's players are made by."""

    def new_worker(self, name: str, *, revision: int = 1, start: bool = True, probed: bool = True) -> FakeWorker:
        """``probed``: whether its heartbeat follows its progress."""
        players, sessions, metrics, protection = (
            self.new_players(),
            FakeShardSessions(),
            FakeMetrics(),
            FakeProtection(),
        )

        def positions() -> dict[PlayId, int]:
            return {each.play_id: each.position_ms for each in players.statuses().values() if each.play_id}

        progress = Progress(self.settings.lease_margin_seconds)
        if probed:
            progress.follow(players.stalled_seconds)
        leases = Leases(
            self.leases,
            self.clock,
            self.settings,
            me=WorkerId(name),
            revision=revision,
            positions=positions,
            gets_on=progress.is_made,
        )
        loudness = KnownLoudness(
            self.tracks,
            self.source,
            transcoded=lambda: sum(status.is_transcoded for status in players.statuses().values()),
            most_transcoded=self.settings.loudness_players,
        )
        held_guilds = HeldGuilds(
            guilds=self.guilds,
            leases=leases,
            players=players,
            sessions=sessions,
            source=self.source,
            replies=self.rest,
            loudness=loudness,
            clock=self.clock,
            new_id=self.new_id,
            shard_count=self.settings.shard_count,
        )
        worker = Worker(
            guilds=self.guilds,
            leases=leases,
            inbox=self.inbox,
            held_guilds=held_guilds,
            sessions=sessions,
            players=players,
            metrics=metrics,
            protection=protection,
            clock=self.clock,
            settings=self.settings,
        )
        made = FakeWorker(leases, players, sessions, metrics, protection, worker, self.clock)
        if start:
            made.start()
        return made

    def resolving(self) -> Resolving:
        """What finds out what the guild's links are, of no worker's."""
        return Resolving(
            self.guilds.open(GUILD),
            self.source,
            self.rest,
            lambda: Epoch(1),
            new_id=self.new_id,
            looked=lambda: None,
            loudness=KnownLoudness(self.tracks, self.source, transcoded=lambda: 0, most_transcoded=0),
            clock=self.clock,
            connected_seconds=lambda: 0.0,
            reasons={},
        )
