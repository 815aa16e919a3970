"""Discord's gateway: sessions that can be resumed, stolen and lost, and the identifies that they cost."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from random import Random

from sandbox.simulator.noted import DISCORD_AWAY
from sandbox.simulator.record import Identify, Record
from sandbox.simulator.stores import LinkedBudget
from sandbox.simulator.virtual_time import Process, ProcessClock, VirtualLoop
from timmybot.adapters.discord_gateway.identify_gate import IdentifyGate
from timmybot.domain.ids import ShardId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.guild_store import StoreUnavailable


class _Connection:
    """A worker's connection to one shard. It is kept up until it is closed."""

    def __init__(self, shard_id: ShardId, process: Process, session: GatewaySession | None) -> None:
        self.shard_id = shard_id
        self.process = process
        self.session = session
        self.up = asyncio.Event()
        self.lost = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


@dataclass
class DiscordGateway:
    """The side that is Discord's."""

    loop: VirtualLoop
    random: Random
    record: Record
    over: bool = False
    _sessions: dict[str, _Connection | None] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def resumed(self, connection: _Connection) -> bool:
        """Attach the connection to its session, if that still exists; whoever was attached is cut off."""
        session = connection.session
        if session is None or session.session_id not in self._sessions:
            return False
        before = self._sessions[session.session_id]
        self._sessions[session.session_id] = connection
        if before is not None and before is not connection:
            self.loop.after(0.03, lambda: self.loop.post(before.process, before.lost.set))
        return True

    def identified(self, connection: _Connection) -> None:
        self.record.identifies.append(Identify(self.loop.now, connection.shard_id, connection.process.wall_offset))
        session = GatewaySession(f"session-{next(self._numbers)}", "wss://gateway.invalid", 1)
        self._sessions[session.session_id] = connection
        connection.session = session

    def closed(self, connection: _Connection) -> None:
        session = connection.session
        if session is not None and self._sessions.get(session.session_id) is connection:
            self._sessions[session.session_id] = None

    def cut_off(self, process: Process) -> None:
        """The process cannot reach Discord any more; its sessions wait to be resumed."""
        for session_id, connection in list(self._sessions.items()):
            if connection is not None and connection.process is process:
                self.loop.post(process, connection.lost.set)
                self._sessions[session_id] = None

    def lose(self, shard_id: ShardId, *, for_good: bool) -> None:
        """Cut every connection to the shard, and forget its sessions if ``for_good``."""
        for session_id, connection in list(self._sessions.items()):
            if connection is not None and connection.shard_id == shard_id:
                self.loop.post(connection.process, connection.lost.set)
                self._sessions[session_id] = None
                if for_good:
                    del self._sessions[session_id]


class WorkerSessions:
    """``ShardSessions`` of one worker."""

    def __init__(self, gateway: DiscordGateway, process: Process, budget: LinkedBudget, clock: ProcessClock) -> None:
        self._gateway = gateway
        self._process = process
        self._gate = IdentifyGate(budget, clock)
        self._clock = clock
        self._connections: dict[ShardId, _Connection] = {}

    async def open(self, shard_id: ShardId, session: GatewaySession | None) -> None:
        connection = self._connections.get(shard_id)
        if connection is None:
            connection = self._connections[shard_id] = _Connection(shard_id, self._process, session)
            connection.task = asyncio.create_task(self._keep_up(connection))
        try:
            await connection.up.wait()
        except asyncio.CancelledError:
            if not connection.up.is_set() and self._connections.get(shard_id) is connection:
                await self.close(shard_id)
            raise

    async def close(self, shard_id: ShardId) -> GatewaySession | None:
        connection = self._connections.pop(shard_id, None)
        if connection is None or connection.task is None:
            return None
        connection.task.cancel()
        await asyncio.gather(connection.task, return_exceptions=True)
        connection.up.clear()
        self._gateway.closed(connection)
        return connection.session

    def session(self, shard_id: ShardId) -> GatewaySession | None:
        connection = self._connections.get(shard_id)
        return connection.session if connection else None

    def is_open(self, shard_id: ShardId) -> bool:
        return shard_id in self._connections

    def is_up(self, shard_id: ShardId) -> bool:
        connection = self._connections.get(shard_id)
        return connection is not None and connection.up.is_set()

    async def _keep_up(self, connection: _Connection) -> None:
        while True:
            await self._clock.sleep(0.1 + self._gateway.random.random() * 0.2)
            while self._process.notes.get(DISCORD_AWAY):
                await self._clock.sleep(0.5)
            connection.lost.clear()
            if not self._gateway.resumed(connection):
                await self._pass_the_gate(connection.shard_id)
                self._gateway.identified(connection)
            connection.up.set()
            await connection.lost.wait()
            connection.up.clear()
            await self._clock.sleep(0.2 + self._gateway.random.random() * 0.8)

    async def _pass_the_gate(self, shard_id: ShardId) -> None:
        while True:
            try:
                await self._gate.pass_through(shard_id)
            except StoreUnavailable:
                await self._clock.sleep(2.0)
            else:
                return
