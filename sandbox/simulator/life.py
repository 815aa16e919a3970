"""One life: a plan from its beginning to its end."""

from __future__ import annotations

import logging
from dataclasses import replace
from random import Random
from unittest.mock import patch

from sandbox.simulator.catalogue import Catalogue
from sandbox.simulator.crashing import Crashing
from sandbox.simulator.faults import Misfortune
from sandbox.simulator.gateway import DiscordGateway
from sandbox.simulator.link import Network
from sandbox.simulator.members import Members
from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import SHARDS, Plan
from sandbox.simulator.record import Operation, Record
from sandbox.simulator.rest import SimulatedRest
from sandbox.simulator.scheduler import Scheduler
from sandbox.simulator.stores import Kept
from sandbox.simulator.virtual_time import VirtualLoop, at_once
from sandbox.simulator.voice import SENDERS_HANG, VoiceWorld
from sandbox.simulator.worker_process import Surroundings
from timmybot.domain.ids import GuildId
from timmybot.services import guild_commands, leases, writing_anew
from timmybot.settings import Settings

_ON_SHARDS = (0, 1, 0, 2)
"""The shard of each guild: some share one, one shard has none."""


def guild_ids(plan: Plan) -> list[GuildId]:
    return [GuildId((_ON_SHARDS[number] << 22) + number + 1) for number in range(plan.guilds)]


class Life:
    """Runs a plan. ``record`` is what was seen of it."""

    def __init__(self, plan: Plan, parts: Parts) -> None:
        self.plan = plan
        self.record = Record()
        random = Random(f"life {plan.seed}")
        loop = VirtualLoop(random)  # type: ignore[abstract]  # of a loop, only what is used is there
        network = Network(loop, random, tally=self.record.tally)
        settings = replace(Settings(), shard_count=SHARDS)
        catalogue = Catalogue(plan.seed)
        self.around = Surroundings(
            loop=loop,
            random=random,
            network=network,
            kept=Kept(loop, random, SHARDS, self.record),
            gateway=DiscordGateway(loop, random, self.record),
            voice=VoiceWorld(loop, random, self.record, catalogue, SHARDS, Crashing(loop, self.record), parts=parts),
            rest=SimulatedRest(loop, random, network, self.record),
            catalogue=catalogue,
            settings=settings,
            parts=parts,
        )
        self.guilds = guild_ids(plan)

    def run(self) -> Record:
        limit = self.plan.change_limit
        with patch.object(writing_anew, "CHANGE_LIMIT", limit), patch.object(guild_commands, "CHANGE_LIMIT", limit):
            return self._run()

    def _run(self) -> Record:
        loop, plan = self.around.loop, self.plan
        watch = _ErrorLog(self.record, loop)
        watch.begin()
        try:
            scheduler = Scheduler(self.around, plan.workers)
            members = Members(self.around, self.guilds, scheduler)
            misfortune = Misfortune(self.around, self.guilds, scheduler)
            for command in plan.commands:
                members.expect(command)
            for fault in plan.faults:
                misfortune.expect(fault)
            loop.run_until(plan.ends_at)
            for guild in self.guilds:
                self._look_at(guild)
            for player in self.around.voice.players:
                player.settle()
        finally:
            watch.end()
            self.around.network.over = True
            loop.abandon()
        self.record.tally["virtual seconds"] += round(loop.now)
        return self.record

    def _look_at(self, guild: GuildId) -> None:
        """The last operation of every guild's history reads all that is stored."""
        store, now = self.around.kept.guilds.open(guild), self.around.loop.now
        state, shown = at_once(store.state()), self.around.kept.shown(guild)
        waiting = shown.waiting
        self.record.operations.append(Operation(guild, "stored", now, returned=now, answer="", shown=shown))
        self.record.owed += [(guild, owed.interaction_id) for owed in at_once(store.owed_replies())]
        if state.waiting != len(waiting):
            self.record.violated(
                "what waits is counted", now, f"{guild}: {state.waiting} counted, {len(waiting)} there"
            )


class _ErrorLog(logging.Handler):
    """An error in the services' log is a bug: what an outage or a member can cause is logged below that."""

    def __init__(self, record: Record, loop: VirtualLoop) -> None:
        super().__init__(logging.ERROR)
        self._record = record
        self._loop = loop
        self._logger = logging.getLogger("timmybot")
        self._level = self._logger.level

    def begin(self) -> None:
        self._logger.addHandler(self)
        if self._level == logging.NOTSET:
            self._logger.setLevel(logging.ERROR)

    def end(self) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)

    def emit(self, entry: logging.LogRecord) -> None:
        if entry.name == leases.__name__ and self._record.tally[SENDERS_HANG]:
            return  # It is to be noticed, and that is all that this module calls an error.
        error = entry.exc_info[1] if entry.exc_info else None
        self._record.violated("no error is logged", self._loop.now, f"{entry.getMessage()}: {error!r}")
