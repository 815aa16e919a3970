"""A worker process: the shipped services, put together as the entrypoint does, on simulated surroundings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from sandbox.simulator.catalogue import Catalogue, SimulatedSource
from sandbox.simulator.gateway import DiscordGateway, WorkerSessions
from sandbox.simulator.link import Link, Network
from sandbox.simulator.parts import Parts
from sandbox.simulator.rest import SimulatedRest
from sandbox.simulator.stores import (
    Kept,
    LinkedBudget,
    LinkedGuildStores,
    LinkedInbox,
    LinkedLeaseStore,
    StrictRight,
)
from sandbox.simulator.virtual_time import Process, ProcessClock, VirtualLoop
from sandbox.simulator.voice import SENDER_HANGS, SimulatedPlayers, VoiceWorld
from timmybot.domain.ids import PlayId, WorkerId
from timmybot.domain.sound import Measured
from timmybot.domain.track import Track
from timmybot.services.leases import Leases
from timmybot.services.loudness import KnownLoudness
from timmybot.services.progress import Progress
from timmybot.services.worker import Worker
from timmybot.settings import Settings


class NoMetrics:
    def emit(self, figures: Mapping[str, float]) -> None:
        """Nobody looks."""


class NoProtection:
    async def protect(self, wanted: bool) -> None:
        """Nothing scales by itself here."""


class NoTrackCache:
    async def measured(self, track: Track) -> Measured | None:
        """Nobody has measured anything, and nobody minds."""

    async def keep(self, track: Track, measured: Measured) -> None:
        """How loud it is matters to no rule."""


@dataclass
class Surroundings:
    """Everything outside of the processes."""

    loop: VirtualLoop
    random: Random
    network: Network
    kept: Kept
    gateway: DiscordGateway
    voice: VoiceWorld
    rest: SimulatedRest
    catalogue: Catalogue
    settings: Settings
    parts: Parts
    rights: dict[WorkerId, tuple[Process, StrictRight]] = field(default_factory=dict)


@dataclass
class WorkerProcess:
    process: Process
    worker_id: WorkerId
    leases: Leases
    worker: Worker
    stop: asyncio.Event
    task: asyncio.Task[None]
    draining: bool = False

    @property
    def stays(self) -> bool:
        """Whether it lives and was not told to go."""
        return not (self.process.dead or self.draining or self.task.done())

    @property
    def hangs(self) -> bool:
        return SENDER_HANGS in self.process.notes


def start_worker(around: Surroundings, name: str, *, revision: int) -> WorkerProcess:
    """Start a worker as ``timmybot worker`` would."""
    random = Random(f"{around.random.random()} {name}")
    process = Process(
        name, wall_offset=random.choice((0.0, 0.0, random.uniform(-2, 2))), drift=random.uniform(-2e-4, 2e-4)
    )
    clock = ProcessClock(around.loop, process, random)
    link = Link(around.network, process)
    worker_id = WorkerId(name)
    guilds = LinkedGuildStores(around.kept, link, process, around.parts.worker_store)
    sessions = WorkerSessions(around.gateway, process, LinkedBudget(around.kept, link), clock)
    players = SimulatedPlayers(around.voice, worker_id, process, clock, sessions)
    new_id = numbered(name)
    settings = around.parts.settings(around.settings)

    def positions() -> dict[PlayId, int]:
        return {each.play_id: each.position_ms for each in players.statuses().values() if each.play_id}

    progress = Progress(settings.lease_margin_seconds)
    progress.follow(players.stalled_seconds)
    leases = around.parts.leases(
        LinkedLeaseStore(around.kept, link, process, around.rights),
        clock,
        settings,
        me=worker_id,
        revision=revision,
        positions=positions,
        gets_on=progress.is_made,
    )
    source = SimulatedSource(around.catalogue, process, clock, random)
    held_guilds = around.parts.held_guilds(
        guilds=guilds,
        leases=leases,
        players=players,
        sessions=sessions,
        source=source,
        replies=around.rest.of(process),
        loudness=KnownLoudness(NoTrackCache(), source),
        clock=clock,
        new_id=new_id,
        shard_count=settings.shard_count,
    )
    worker = around.parts.worker(
        guilds=guilds,
        leases=leases,
        inbox=LinkedInbox(around.kept, link, name, settings.inbox_overlap_seconds),
        held_guilds=held_guilds,
        sessions=sessions,
        players=players,
        metrics=NoMetrics(),
        protection=NoProtection(),
        clock=clock,
        settings=settings,
    )
    around.rights[worker_id] = process, leases
    stop = asyncio.Event()
    task = around.loop.start(process, worker.run(stop))
    task.add_done_callback(lambda task: _judge_end(around, process, task))
    return WorkerProcess(process, worker_id, leases, worker, stop, task)


def _judge_end(around: Surroundings, process: Process, task: asyncio.Task[None]) -> None:
    if not (process.dead or task.cancelled()) and (bug := task.exception()) is not None:
        around.kept.record.violated("no worker ends by a bug", around.loop.now, f"{process.name}: {bug!r}")


def numbered(name: str) -> Callable[[], str]:
    """Ids that nobody else gives."""
    given = 0

    def new_id() -> str:
        nonlocal given
        given += 1
        return f"{name}-{given}"

    return new_id
