"""The stores as one process sees them: the in-memory twins behind a link, with every effect recorded.

Whatever the ports promise is promised by the twins, which pass the contract suites; the link adds time and faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Protocol, cast

from sandbox.simulator.catalogue import Catalogue
from sandbox.simulator.choosing import Chosen
from sandbox.simulator.link import Link
from sandbox.simulator.noted import (
    COMMAND_LOST_RACE,
    OVERLAP_HIT,
    STALE_WRITER,
    SWEPT,
    WORKER_LOST_RACE,
    WRITTEN_ANEW_MEANWHILE,
    WRITTEN_BESIDE,
)
from sandbox.simulator.plan import EVERYONE
from sandbox.simulator.record import Beat, Commit, Operation, Ownership, Record, Stored
from sandbox.simulator.virtual_time import WALL_START, Process, VirtualLoop, at_once
from tests.fakes.stores import FakeGuildStores, FakeIdentifyBudget, FakeInbox, FakeLeaseStore, Faults
from timmybot.domain.change import Change
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId, WorkerId, shard_of
from timmybot.domain.lease import Heartbeat, ShardLease
from timmybot.domain.order_key import START, named_by
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.ports.guild_store import Fenced, GuildStore, GuildStores, StoreError, StoreUnavailable, Taking
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.lease_store import LeaseStore


class _NoFaults(Faults):
    """The link has the faults; the twins behind it have none."""

    def call(self) -> Any:
        return self

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


class TrueClock:
    """The stores' own clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return WALL_START + self._loop.now

    def monotonic(self) -> float:
        return self._loop.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a store never sleeps")


class Kept:
    """All that is stored anywhere, and the weather of nudges and of the index."""

    def __init__(self, loop: VirtualLoop, random: Random, shard_count: int, record: Record) -> None:
        clock = TrueClock(loop)
        self.loop = loop
        self.random = random
        self.record = record
        self.shard_count = shard_count
        self.guilds = FakeGuildStores(clock, shard_count, _NoFaults())
        self.leases = FakeLeaseStore(clock, _NoFaults())
        self.inbox = FakeInbox(_NoFaults())
        self.budget = FakeIdentifyBudget(_NoFaults())
        self.index_lag = 0.0
        self.nudges_lost = self.nudges_late = self.nudges_doubled = 0
        self.nudge_arrivals: dict[str, float] = {}
        self._index: dict[GuildId, bool] = {}
        self._index_due: dict[GuildId, float] = {}

    def state_of(self, guild_id: GuildId) -> GuildState:
        return at_once(self.guilds.open(guild_id).state())

    def shown(self, guild_id: GuildId) -> Stored:
        """All of a guild's queue."""
        store, state = self.guilds.open(guild_id), self.state_of(guild_id)
        current = at_once(store.entry(state.current, of=state)) if state.current else None
        waiting = at_once(store.entries(after=state.head, limit=10_000, of=state))
        return Stored(
            current=Catalogue.tag_of(current.track.url) if current else None,
            waiting=tuple(Catalogue.tag_of(entry.track.url) for entry in waiting),
            paused=state.paused,
            channel=state.voice_channel_id,
            loop=state.loop.value,
            chosen=_chosen(state.settings),
        )

    def index(self, guild_id: GuildId) -> None:
        """Bring the index up to date, after its lag, and never with what is older than what it has."""
        wants = self.guilds.stored[guild_id].wants_worker(WALL_START + self.loop.now)
        due = max(self.loop.now + self.random.random() * 0.3 + self.index_lag, self._index_due.get(guild_id, 0.0))
        self._index_due[guild_id] = due

        def update() -> None:
            self._index[guild_id] = wants

        self.loop.after(due - self.loop.now, update)

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        """What the index knows."""
        known = [guild_id for guild_id, wants in self._index.items() if wants]
        return sorted(guild_id for guild_id in known if shard_of(guild_id, self.shard_count) == shard_id)


def _chosen(settings: GuildSettings) -> Chosen:
    """In the words of the members."""
    return Chosen(
        volume=str(settings.volume_percent),
        speed=str(settings.speed_percent),
        filter=settings.effect.value,
        loudness="off" if settings.target_lufs is None else str(settings.target_lufs),
        leave_after=str(settings.alone_minutes),
        dj=EVERYONE if settings.dj_role_id is None else str(settings.dj_role_id),
    )


Wrap = Callable[[GuildStore], GuildStore]


class LinkedGuildStores:
    """``GuildStores`` of one process. ``wrap`` puts something between the record and the store: a mutant."""

    def __init__(self, kept: Kept, link: Link, process: Process, wrap: Wrap | None = None) -> None:
        self._kept = kept
        self._link = link
        self._process = process
        self._wrap = wrap

    def open(self, guild_id: GuildId) -> GuildStore:
        store = self._kept.guilds.open(guild_id)
        wrapped = self._wrap(store) if self._wrap else store
        recorded = _Recorded(wrapped, self._kept, self._process)
        return cast(GuildStore, _LinkedGuildStore(recorded, self._link, self._process, guild_id))

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        return await self._link.call(lambda: self._kept.wanting(shard_id))


class _LinkedGuildStore:
    """Every method of the store it is given, behind the link."""

    def __init__(self, store: _Recorded, link: Link, process: Process, guild_id: GuildId) -> None:
        self._store = store
        self._link = link
        self._process = process
        self.guild_id = guild_id

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def linked(*arguments: Any, **named: Any) -> Any:
            self._process.notes["writing"] = name == "commit"
            try:
                result = await self._link.call(lambda: method(*arguments, **named))
                if name == "commit" and (lose := self._process.notes.pop("loses an answer", None)):
                    lose()
                    raise StoreUnavailable("the answer to this write is lost")
                return result
            finally:
                self._process.notes["writing"] = False

        self.__dict__[name] = linked
        return linked


class _Recorded:
    """A guild's store whose writes are recorded as they take effect."""

    def __init__(self, store: GuildStore, kept: Kept, process: Process) -> None:
        self._store = store
        self._kept = kept
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def state(self) -> GuildState:
        state = await self._store.state()
        self._process.notes["generation", self._store.guild_id] = state.generation
        self._process.notes.setdefault(("meant", self._store.guild_id), state.play_id)
        return state

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        before = self._kept.state_of(self._store.guild_id)
        removed = [at_once(self._store.entry(key, of=before)) for key in change.remove]
        try:
            after = await self._store.commit(change, epoch=epoch)
        except StoreError as refusal:
            self._note_refusal(refusal, epoch, before)
            raise
        self._record(epoch, before)
        if change.add:
            self._check_names(after)
        if change.owe:
            self._kept.index(self._store.guild_id)
        if epoch is not None:
            self._record_dropped([entry for entry in removed if entry])
        else:
            self._record_effect(change, before)
        return after

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey] = ()) -> None:
        await self._store.prepare(generation, put, remove)
        self._kept.record.tally[WRITTEN_BESIDE] += 1

    async def sweep(self, of: GuildState) -> bool:
        self._kept.record.tally[SWEPT] += 1
        return await self._store.sweep(of)

    def _note_refusal(self, refusal: StoreError, epoch: Epoch | None, stored: GuildState) -> None:
        tally = self._kept.record.tally
        if isinstance(refusal, Fenced):
            tally[STALE_WRITER] += 1
        elif epoch is not None:
            tally[WORKER_LOST_RACE] += 1
        else:
            tally[COMMAND_LOST_RACE] += 1
            read = self._process.notes.get(("generation", self._store.guild_id), stored.generation)
            tally[WRITTEN_ANEW_MEANWHILE] += read != stored.generation

    async def settle(self, interaction_id: InteractionId) -> None:
        await self._store.settle(interaction_id)
        self._kept.index(self._store.guild_id)

    async def entries(self, *, after: OrderKey, limit: int, of: GuildState | None = None) -> list[Entry]:
        found = await self._store.entries(after=after, limit=limit, of=of)
        self._see_picked(found[-1] if len(found) == limit else None)
        return found

    async def step(self, of: GuildState, by: int = 1) -> Step:
        step = await self._store.step(of, by)
        self._see_picked(step.to)
        return step

    async def claim(self, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        before = self._kept.state_of(self._store.guild_id)
        try:
            after = await self._store.claim(epoch, taking=taking)
        except StoreError as refusal:
            self._note_refusal(refusal, epoch, before)
            raise
        self._record(epoch, before, claim=True)
        return after

    def _record(self, epoch: Epoch | None, before: GuildState, *, claim: bool = False) -> None:
        kept, guild = self._kept, self._store.guild_id
        after = kept.state_of(guild)
        if after == before:
            return
        now, record = kept.loop.now, kept.record
        record.commits.append(Commit(now, guild, self._process.name, epoch, before, after))
        if after.version <= before.version:
            record.violated("versions rise", now, f"{self._process}: a write left version {after.version}")
        if after.epoch < before.epoch:
            record.violated("epochs rise", now, f"{self._process}: {before.epoch} became {after.epoch}")
        if epoch is not None and epoch != (after if claim else before).epoch:
            what = f"{self._process} wrote under epoch {epoch} when {before.epoch} was claimed"
            record.violated("one owner writes per epoch", now, what)
        meant = self._process.notes.get(("meant", guild), before.play_id)
        ends = self._command() in ("skip", "previous") and before.play_id != after.play_id
        if epoch is None and ends and before.play_id != meant:
            record.violated("a skip ends what was meant", now, f"{self._process} ended {before.play_id}, not {meant}")
        if after.play_id is not None:
            begun = sum(1 for playing_of, _ in record.playings if playing_of == guild)
            record.playings.setdefault((guild, after.play_id), begun + 1)
        if after.wants_player != before.wants_player:
            kept.index(guild)

    def _check_names(self, state: GuildState) -> None:
        """Whoever writes a queue anew, or picks from it, tells its entries apart by their names."""
        entries = at_once(self._store.entries(after=START, limit=10_000, of=state))
        for name, count in Counter(entry.entry_id for entry in entries).items():
            if count > 1:
                what = f"guild {self._store.guild_id} has {count} entries {name}"
                self._kept.record.violated("every entry has a name of its own", self._kept.loop.now, what)

    def _command(self) -> str:
        """The command that the process answers, if it is not a worker."""
        operation = self._process.notes.get("operation")
        return operation.name if operation else ""

    def _see_picked(self, entry: Entry | None) -> None:
        if entry is not None and self._command() in _PICK:
            self._process.notes.setdefault("picked", entry.entry_id)

    def _record_dropped(self, entries: list[Entry]) -> None:
        """A worker takes out what leads nowhere."""
        guild, now = self._store.guild_id, self._kept.loop.now
        for entry in entries:
            tag, shown = Catalogue.tag_of(entry.track.url), self._kept.shown(guild)
            self._kept.record.operations.append(Operation(guild, "dropped", now, tag, returned=now, shown=shown))

    def _record_effect(self, change: Change, before: GuildState) -> None:
        """A command took effect, if this is the write that remembers it."""
        operation = self._process.notes.get("operation")
        if operation is None or operation.command is None:
            return
        interaction = InteractionId(1_000 + operation.command.number)
        if interaction not in change.state.recent or interaction in before.recent:
            return
        operation.shown = self._kept.shown(self._store.guild_id)
        if operation.name == "shuffle":
            operation.order = self._order(before, self._kept.state_of(self._store.guild_id))
        keys = [change.state.current] if operation.name == "skip to" else list(change.remove)
        picked = self._process.notes.get("picked")
        for key in keys:
            if operation.name in _PICK and key is not None and named_by(key) != picked:
                what = f"{self._process} picked {picked} and changed {key}"
                self._kept.record.violated("what was picked is what is changed", self._kept.loop.now, what)

    def _order(self, before: GuildState, after: GuildState) -> tuple[int, ...] | None:
        """Where what waits in the new writing waited in the old one, which is still there."""
        names = [
            [entry.entry_id for entry in at_once(self._store.entries(after=state.head, limit=10_000, of=state))]
            for state in (before, after)
        ]
        return tuple(names[0].index(name) for name in names[1]) if sorted(names[0]) == sorted(names[1]) else None


_PICK = ("remove", "move", "skip to")
"""The commands that pick an entry by its position."""


class StrictRight(Protocol):
    """What the judges ask a worker's leases."""

    @property
    def may_act(self) -> bool: ...

    @property
    def held(self) -> dict[ShardId, ShardLease]: ...


class LinkedLeaseStore:
    """``LeaseStore`` of one process. ``rights`` are all workers' leases, to see whose strict right overlaps."""

    def __init__(self, kept: Kept, link: Link, process: Process, rights: dict[WorkerId, tuple[Process, StrictRight]]):
        self._kept = kept
        self._link = link
        self._process = process
        self._rights = rights
        self._known_at = 0.0
        """When the heartbeats were last read."""

    async def beat(self, heartbeat: Heartbeat) -> None:
        made_at = self._kept.loop.now

        async def work() -> None:
            await self._kept.leases.beat(heartbeat)
            beat = Beat(self._kept.loop.now, made_at, heartbeat.worker_id, heartbeat.positions)
            self._kept.record.beats.append(beat)

        self._process.notes["beating"] = True
        try:
            await self._link.call(work)
        finally:
            self._process.notes["beating"] = False

    async def heartbeats(self) -> list[Heartbeat]:
        async def work() -> tuple[float, list[Heartbeat]]:
            return self._kept.loop.now, await self._kept.leases.heartbeats()

        self._known_at, heartbeats = await self._link.call(work)
        self._kept.record.readings[WorkerId(self._process.name)].append(self._known_at)
        return heartbeats

    async def heartbeat_of_owner(self, shard_id: ShardId) -> Heartbeat | None:
        return await self._link.call(lambda: self._kept.leases.heartbeat_of_owner(shard_id))

    async def leases(self) -> list[ShardLease]:
        return await self._link.call(self._kept.leases.leases)

    async def take(self, seen: ShardLease, me: WorkerId) -> ShardLease:
        async def work() -> ShardLease:
            taken = await self._kept.leases.take(seen, me)
            self._see_taken(seen, taken)
            return taken

        return await self._link.call(work)

    async def release(self, held: ShardLease, *, next_owner: WorkerId | None, session: Any) -> None:
        async def work() -> None:
            await self._kept.leases.release(held, next_owner=next_owner, session=session)
            self._kept.record.ownerships.append(Ownership(self._kept.loop.now, held.shard_id, None, held.epoch))

        await self._link.call(work)

    async def save_session(self, held: ShardLease, session: Any) -> None:
        await self._link.call(lambda: self._kept.leases.save_session(held, session))

    def _see_taken(self, seen: ShardLease, taken: ShardLease) -> None:
        now, record = self._kept.loop.now, self._kept.record
        record.ownerships.append(Ownership(now, taken.shard_id, taken.owner, taken.epoch, self._known_at))
        for worker, (process, right) in self._rights.items():
            if worker == taken.owner or not process.running:
                continue
            if right.may_act and taken.shard_id in right.held:
                what = f"{taken.owner} took shard {taken.shard_id} while {worker} still had the strict right"
                record.violated("one strict right per shard", now, what)


REPLICA_LAGS = (0.0, 0.0, 0.0, 0.02, 0.1, 0.7)
"""Seconds by which the replica that answers is behind. Source: DynamoDB developer guide, "Read consistency": usually a
second or less."""


class LinkedInbox:
    """``Inbox`` of one process, with the nudges' own weather."""

    def __init__(self, kept: Kept, link: Link, reader: str = "", overlap_seconds: float = 0.0) -> None:
        self._kept = kept
        self._link = link
        self._reader = reader
        self._overlap_seconds = overlap_seconds
        self._seen: set[str] = set()

    async def post(self, nudge: Nudge) -> None:
        await self._link.call(lambda: self._post(nudge))

    async def read(self, since: float) -> list[Nudge]:
        return await self._link.call(lambda: self._read(since))

    async def _read(self, since: float) -> list[Nudge]:
        """What one replica knows: reads are eventually consistent, and the next one may know less."""
        kept = self._kept
        known_at = kept.loop.now - kept.random.choice(REPLICA_LAGS)
        found = await kept.inbox.read(since)
        known = [nudge for nudge in found if kept.nudge_arrivals[nudge.nudge_id] <= known_at]
        new = [nudge for nudge in known if nudge.nudge_id not in self._seen]
        self._seen |= {nudge.nudge_id for nudge in new}
        for nudge in new:
            kept.record.read.setdefault(nudge.nudge_id, {})[self._reader] = kept.loop.now
        kept.record.tally[OVERLAP_HIT] += any(nudge.written_at < since + self._overlap_seconds for nudge in new)
        kept.record.tally["stale reads of the inbox"] += len(known) < len(found)
        return known

    async def _post(self, nudge: Nudge) -> None:
        kept = self._kept
        if kept.nudges_lost:
            kept.record.tally["nudges lost"] += 1
            return
        await self._place(nudge, late=kept.nudges_late > 0)
        if kept.nudges_doubled:
            kept.record.tally["nudges doubled"] += 1
            await self._place(Nudge(f"{nudge.nudge_id} again", nudge.guild_id, nudge.written_at), late=True)

    async def _place(self, nudge: Nudge, *, late: bool) -> None:
        kept = self._kept

        def arrive() -> None:
            at_once(kept.inbox.post(nudge))
            kept.nudge_arrivals[nudge.nudge_id] = kept.loop.now
            kept.record.nudges.append((kept.loop.now, nudge.guild_id, nudge.nudge_id))

        if not late:
            arrive()
            return
        kept.record.tally["nudges late"] += 1
        kept.loop.after(kept.random.uniform(0.5, 6.0), arrive)


class LinkedBudget:
    """``IdentifyBudget`` of one process."""

    def __init__(self, kept: Kept, link: Link) -> None:
        self._kept = kept
        self._link = link

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        return await self._link.call(lambda: self._kept.budget.reserve(shard_id, now, max_concurrency=max_concurrency))


def _ports(
    guilds: LinkedGuildStores, leases: LinkedLeaseStore, inbox: LinkedInbox, budget: LinkedBudget
) -> tuple[GuildStores, LeaseStore, Inbox, IdentifyBudget]:
    """Never called: the type checker sees here that the linked stores are what the ports ask for."""
    return guilds, leases, inbox, budget
