"""Makes a plan's faults happen."""

from __future__ import annotations

import signal
from collections.abc import Callable

from sandbox.simulator.members import voice_channel
from sandbox.simulator.noted import DISCORD_AWAY, SOURCES_AWAY
from sandbox.simulator.plan import OUTLASTS, SHARDS, SOURCES_LATER, TO_EVERYONE, Fault, Kind
from sandbox.simulator.scheduler import Scheduler
from sandbox.simulator.virtual_time import Process
from sandbox.simulator.worker_process import Surroundings, WorkerProcess
from timmybot.domain.ids import GuildId, ShardId

Undo = Callable[[], None]

STALE_SECONDS = 11.0
"""Longer than a lease and the look that ends it."""


class Misfortune:
    def __init__(self, around: Surroundings, guilds: list[GuildId], scheduler: Scheduler) -> None:
        self._around = around
        self._guilds = guilds
        self._scheduler = scheduler
        around.voice.crashing.kill = self._killed_by_a_track

    def expect(self, fault: Fault) -> None:
        self._around.loop.after(fault.at, lambda: self._strike(fault))

    def _strike(self, fault: Fault) -> None:
        record = self._around.kept.record
        record.tally[f"fault: {fault.kind.value}"] += 1
        record.troubles.append((fault.at, fault.until))
        undo = self._begin(fault)
        if undo is not None:
            self._around.loop.after(fault.seconds, undo)

    def _begin(self, fault: Fault) -> Undo | None:
        match fault.kind:
            case Kind.NETWORK_AWAY:
                return self._cut_off(fault)
            case Kind.CRASH | Kind.PAUSE | Kind.HANG | Kind.DRAIN | Kind.CLOCK_JUMP | Kind.SCALE_UP | Kind.DEPLOY:
                return self._to_a_worker(fault)
            case Kind.CHILD_DIES | Kind.CHILD_HANGS:
                self._to_a_media_child(fault)
                return None
            case Kind.STORE_DOWN | Kind.STORE_LOSSY | Kind.THROTTLED | Kind.SLOW:
                return self._to_the_stores(fault)
            case Kind.NUDGES_LOST | Kind.NUDGES_LATE | Kind.NUDGES_DOUBLED | Kind.INDEX_LAG:
                return self._to_hints(fault)
            case Kind.PREPARED_FAILS | Kind.PREPARED_ENDS | Kind.PREPARED_HANGS:
                return self._to_what_is_prepared(fault)
            case Kind.DECODER_CRASH | Kind.WORKER_KILLER:
                self._plant(self._guilds[fault.target % len(self._guilds)], fault)
                return None
            case _:
                return self._by_discord(fault)

    def _to_a_worker(self, fault: Fault) -> Undo | None:
        scheduler, loop = self._scheduler, self._around.loop
        if fault.kind is Kind.SCALE_UP:
            scheduler.start_after(0.0)
            return None
        if fault.kind is Kind.DEPLOY:
            scheduler.revision += 1
            scheduler.start_after(0.0)
            return None
        worker = scheduler.chosen(fault.target)
        if worker is None:
            return None
        record = self._around.kept.record
        match fault.kind:
            case Kind.CRASH:
                record.kills.append((loop.now, worker.worker_id))
                scheduler.kill(worker)
                scheduler.start_after(fault.seconds)
            case Kind.DRAIN:
                record.drains.append((loop.now, worker.worker_id))
                scheduler.stop(worker)
                scheduler.start_after(fault.seconds)
            case Kind.HANG:
                # For good, so that nothing but another worker helps: there has to be one, for every guild.
                if not worker.hangs and scheduler.staying_beside(worker.process) > bool(self._around.voice.blocked):
                    self._around.voice.hang(worker.process)
            case Kind.CLOCK_JUMP:
                worker.process.wall_offset += fault.strength
            case Kind.PAUSE:
                if fault.strength > 0.25:
                    self._in_the_middle("beating" if fault.strength > 0.6 else "writing", worker, fault, tries=1_000)
                    return None
                return self._stop_still(worker, fault.seconds)
        return None

    def _cut_off(self, fault: Fault) -> Undo | None:
        """The worker reaches neither Discord nor sources, and its sources later than Discord."""
        worker = self._scheduler.chosen(fault.target)
        if worker is None:
            return None
        around, process = self._around, worker.process
        later = SOURCES_LATER * fault.strength
        around.kept.record.troubles.append((fault.at, fault.until + later))
        for what in (DISCORD_AWAY, SOURCES_AWAY):
            process.notes[what] = process.notes.get(what, 0) + 1
        around.voice.cut_off(process)
        around.gateway.cut_off(process)

        def come_back(what: str) -> None:
            process.notes[what] -= 1

        around.loop.after(fault.seconds + later, lambda: come_back(SOURCES_AWAY))
        return lambda: come_back(DISCORD_AWAY)

    def _in_the_middle(self, of: str, worker: WorkerProcess, fault: Fault, tries: int) -> None:
        """Stop the worker while it waits for the answer to its heartbeat, or to a guild's write, if that is soon."""
        if worker.process.notes.get(of) or not tries:
            now, seconds = self._around.loop.now, fault.seconds
            if of == "writing":
                # Long enough for another to follow, before what has not left the process yet arrives.
                worker.process.notes["holds back"] = True
                seconds = max(seconds, STALE_SECONDS)
            self._around.kept.record.troubles.append((now, now + seconds))
            self._around.loop.after(seconds, self._stop_still(worker, seconds))
        else:
            self._around.loop.after(0.004, lambda: self._in_the_middle(of, worker, fault, tries - 1))

    def _stop_still(self, worker: WorkerProcess, seconds: float) -> Undo:
        around, process = self._around, worker.process
        around.voice.process_changed(process, lambda: around.loop.pause(process))

        def go_on() -> None:
            around.voice.process_changed(process, lambda: around.loop.resume(process))
            settings = around.settings
            if seconds > settings.heartbeat_seconds + settings.lease_margin_seconds:
                woke_at = around.loop.now
                around.kept.record.wakes.append((woke_at, worker.worker_id))
                for seconds_later in (0.001, 0.05, 0.2):
                    around.loop.after(seconds_later, lambda: self._check_right(worker, woke_at))

        return go_on

    def _check_right(self, worker: WorkerProcess, woke_at: float) -> None:
        """Who has just woken must not believe to have a right that went to another while it stood still."""
        around = self._around
        latest = {each.shard: each for each in around.kept.record.ownerships}
        gone = {each.shard for each in latest.values() if each.owner != worker.worker_id and each.at < woke_at}
        lost = sorted(gone & set(worker.leases.held))
        if lost and worker.leases.may_act and worker.process.running:
            what = f"{worker.worker_id} woke and believes to own shards {lost}"
            around.kept.record.violated("one strict right per shard", around.loop.now, what)

    def _kick(self, guild: GuildId, fault: Fault) -> None:
        player = self._around.voice.calls.get(guild)
        if player is not None and fault.strength > 0.5:
            self._lose_next_answer(player.process, fault.seconds)
        self._around.voice.kick(guild)

    def _lose_next_answer(self, process: Process, seconds: float) -> None:
        """The next write of a guild takes effect, and the store is away for the process from that moment."""
        around, weather = self._around, self._around.network.weather_at(process)

        def lose() -> None:
            now = around.loop.now
            around.kept.record.troubles.append((now, now + seconds))
            around.loop.after(seconds, self._raise(weather, (("down", 1.0),)))

        process.notes["loses an answer"] = lose

    def _to_the_stores(self, fault: Fault) -> Undo:
        network = self._around.network
        weather = network.everywhere
        if fault.kind is Kind.STORE_DOWN and fault.target != TO_EVERYONE:
            worker = self._scheduler.chosen(fault.target)
            if worker is not None:
                weather = network.weather_at(worker.process)
        share = fault.strength
        changes = {
            Kind.STORE_DOWN: (("down", 1.0),),
            Kind.STORE_LOSSY: (("fail_before", share / 2), ("fail_after", share / 2)),
            Kind.THROTTLED: (("fail_before", share),),
            Kind.SLOW: (("slow", share),),
        }[fault.kind]
        return self._raise(weather, changes)

    def _to_hints(self, fault: Fault) -> Undo:
        name = fault.kind.name.lower()
        by = fault.strength if fault.kind is Kind.INDEX_LAG else 1.0
        return self._raise(self._around.kept, ((name, by),))

    def _to_what_is_prepared(self, fault: Fault) -> Undo:
        voice, guild = self._around.voice, self._guilds[fault.target % len(self._guilds)]
        voice.spoil(guild, fault.kind, outlasts=fault.strength >= OUTLASTS)
        return lambda: voice.unspoil(guild, fault.kind)

    def _to_a_media_child(self, fault: Fault) -> None:
        worker = self._scheduler.chosen(fault.target)
        if worker is None:
            return
        children = self._around.voice.media_of(worker.process)
        if fault.kind is Kind.CHILD_HANGS:
            children.hang()
        elif fault.strength > 0.5:
            children.die(signal.SIGSEGV, at_work=False)
        else:
            children.die(signal.SIGKILL, at_work=True)

    def _by_discord(self, fault: Fault) -> Undo | None:
        around = self._around
        number = fault.target % len(self._guilds)
        guild = self._guilds[number]
        match fault.kind:
            case Kind.KICK:
                self._kick(guild, fault)
            case Kind.MOVE:
                around.voice.move(guild, voice_channel(number, 1))
            case Kind.VOICE_LOSS:
                around.voice.cut(guild)
            case Kind.UNHEARD:
                # For good, so that nothing but another worker helps: there has to be one.
                player = around.voice.calls.get(guild)
                if player is not None and self._scheduler.staying_beside(player.process):
                    around.voice.block(guild)
            case Kind.TRACK_FAILS:
                player = around.voice.calls.get(guild)
                if player is not None:
                    player.break_off()
            case Kind.GATEWAY_LOSS:
                shards = range(SHARDS) if fault.strength > 0.8 else (fault.target % SHARDS,)
                for shard in shards:
                    around.gateway.lose(ShardId(shard), for_good=fault.strength > 0.5)
            case Kind.REFUSE:
                around.voice.refusing.add(guild)
                return lambda: around.voice.refusing.discard(guild)
            case Kind.REPLIES_DOWN:
                return self._raise(around.rest, (("down", 1.0),))
            case _:
                raise AssertionError(fault.kind)
        return None

    def _plant(self, guild: GuildId, fault: Fault) -> None:
        """In what plays in the guild."""
        crashing, player = self._around.voice.crashing, self._around.voice.calls.get(guild)
        if player is None or not player.sends:
            return
        if fault.kind is Kind.DECODER_CRASH:
            crashing.plant_in_decoder(player, always=fault.strength > 0.5)
        else:
            crashing.plant_in_worker(player, after_seconds=0.1 + fault.strength, until=fault.at + fault.seconds / 2)

    def _killed_by_a_track(self, process: Process) -> None:
        scheduler, record, now = self._scheduler, self._around.kept.record, self._around.loop.now
        worker = next(each for each in scheduler.workers if each.process is process)
        if worker.stays:
            scheduler.start_after(1.0)
        record.kills.append((now, worker.worker_id))
        record.troubles.append((now, now))
        scheduler.kill(worker)

    @staticmethod
    def _raise(what: object, changes: tuple[tuple[str, float], ...]) -> Undo:
        for name, by in changes:
            setattr(what, name, getattr(what, name) + by)

        def undo() -> None:
            for name, by in changes:
                setattr(what, name, getattr(what, name) - by)

        return undo
