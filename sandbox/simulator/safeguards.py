"""Every safeguard, and what takes its place when it is switched off.

A mutant lives here alone: as a subclass, a wrapper around a store, other settings, or a replaced function. Nothing that
is shipped knows of it. ``faults`` are the troubles that the safeguard is there for, to be met sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import Kind
from tests.fakes.guild_store import Stored as StoredGuild
from tests.fakes.stores import FakeIdentifyBudget, FakeLeaseStore
from timmybot.adapters.discord_gateway import identify_gate
from timmybot.adapters.sources import playback
from timmybot.adapters.sources.media_child import MediaChild
from timmybot.adapters.sources.media_session import MediaChildEnded, MediaSession
from timmybot.adapters.sources.playback import Playback
from timmybot.domain.change import OwedReply
from timmybot.domain.crash_record import CrashRecord
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import PlayId, ShardId, WorkerId
from timmybot.domain.lease import Heartbeat, Observer
from timmybot.domain.track import Entry, Track
from timmybot.domain.undo import bring_back_queue
from timmybot.ports.discord import DiscordError
from timmybot.ports.guild_store import GuildStore, StoreUnavailable
from timmybot.ports.track_source import DecoderCrashed, TrackError
from timmybot.ports.voice import PlayerStatus
from timmybot.services import carrying_out, guild_commands, moving_on, queue_commands, reconcile
from timmybot.services.carrying_out import CarryingOut
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.leases import Leases
from timmybot.services.once import Once
from timmybot.services.plan import Advance, Rest, TryAgain, Tune, next_action
from timmybot.services.queue_commands import QueueCommands
from timmybot.services.resolve import Resolving
from timmybot.services.trials import Trials
from timmybot.services.worker import Worker
from timmybot.services.writing_anew import WritingAnew

_STALLS = (Kind.PAUSE, Kind.CRASH, Kind.STORE_DOWN)
_OUTAGES = (Kind.STORE_DOWN, Kind.SLOW, Kind.STORE_LOSSY, Kind.PAUSE)
_NUDGES = (Kind.NUDGES_LOST, Kind.NUDGES_LATE)
_PREPARED = (Kind.PREPARED_FAILS, Kind.PREPARED_ENDS)
_KILLERS = (Kind.WORKER_KILLER,)
_CHILDREN = (Kind.CHILD_DIES, Kind.CHILD_HANGS)
_CHANGES = (Kind.DRAIN, Kind.DEPLOY, Kind.SCALE_UP, Kind.CRASH)


@dataclass(frozen=True)
class Safeguard:
    name: str
    without: Callable[[], AbstractContextManager[Parts]]
    """Gives the parts of a bot that lacks it."""
    faults: tuple[Kind, ...] = tuple(Kind)
    kept_because: str = ""
    """Why it is there although no promise is broken without it."""
    beside: Parts = field(default_factory=Parts)
    """Another safeguard that is off, with and without this one: what is there in case that one fails shows only then.
    What it breaks by itself does not count."""


def _parts(**parts: Any) -> Callable[[], AbstractContextManager[Parts]]:
    @contextmanager
    def without() -> Iterator[Parts]:
        yield Parts(**parts)

    return without


def _patched(owner: object, name: str, replacement: object) -> Callable[[], AbstractContextManager[Parts]]:
    @contextmanager
    def without() -> Iterator[Parts]:
        with patch.object(owner, name, replacement):
            yield Parts()

    return without


class _Around:
    """A guild's store with something between."""

    def __init__(self, store: GuildStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _NoEpochCondition(_Around):
    async def commit(self, change: Any, *, epoch: Any = None) -> GuildState:
        return await self._store.commit(change)


class _NoClaim(_Around):
    async def claim(self, epoch: Any, *, taking: Any = None) -> GuildState:
        return await self._store.state()

    async def commit(self, change: Any, *, epoch: Any = None) -> GuildState:
        return await self._store.commit(change)


class _NoVersionCondition(_Around):
    async def commit(self, change: Any, *, epoch: Any = None) -> GuildState:
        stored = await self._store.state()
        overwriting = replace(change.state, version=stored.version, epoch=stored.epoch)
        return await self._store.commit(replace(change, state=overwriting), epoch=epoch)


class _FlipsAnyVersion(_Around):
    """Points at a new writing of the queue whatever has been written since it was read."""

    async def commit(self, change: Any, *, epoch: Any = None) -> GuildState:
        stored = await self._store.state()
        if change.state.generation != stored.generation:
            change = replace(change, state=replace(change.state, version=stored.version, epoch=stored.epoch))
        return await self._store.commit(change, epoch=epoch)


class _KeepsItsNumber(WritingAnew):
    """Goes on under the number that it once was given, also when a younger one was handed out."""

    async def change(self, state: GuildState, plan: Any) -> Any:
        if self._number is None:
            return await super().change(state, plan)
        change = await super().change(replace(state, generations=self._number), plan)
        youngest = max(state.generations, change.state.generations)
        return replace(change, state=replace(change.state, generations=youngest))


class _TakesTheNextNumber(WritingAnew):
    """Does not have its number handed out: another may take the same one."""

    async def _hand_out(self, state: GuildState) -> GuildState:
        self._number, self._beside = state.generations + 1, {}
        return replace(state, generations=self._number)


class _SweptAtOnce(_Around):
    """What is dead is swept at the worst moment, as a worker may at any."""

    async def commit(self, change: Any, *, epoch: Any = None) -> GuildState:
        await self._store.sweep(await self._store.state())
        return await self._store.commit(change, epoch=epoch)


def _writing(writing: type[WritingAnew], **parts: Any) -> Callable[[], AbstractContextManager[Parts]]:
    @contextmanager
    def without() -> Iterator[Parts]:
        with ExitStack() as patches:
            for module in (guild_commands, queue_commands, carrying_out):
                patches.enter_context(patch.object(module, "WritingAnew", writing))
            yield Parts(**parts)

    return without


class _ClaimKeepsVersion(_Around):
    async def claim(self, epoch: Any, *, taking: Any = None) -> GuildState:
        before = await self._store.state()
        claimed = await self._store.claim(epoch, taking=taking)
        kept: Any = self._store
        kept._stored.state = replace(claimed, version=before.version)
        return kept._stored.state  # type: ignore[no-any-return]  # the twin's own state


class _WallClockObserver(Observer):
    """Believes what heartbeats say of the time, as if all clocks agreed."""

    def __init__(self, lease_seconds: float, wall: Callable[[], float]) -> None:
        super().__init__(lease_seconds)
        self._lease = lease_seconds
        self._wall = wall
        self._renewed: dict[WorkerId, float] = {}

    def see(self, heartbeats: Iterable[Heartbeat], now: float) -> None:
        self._renewed = {each.worker_id: each.renewed_at for each in heartbeats}

    def is_alive(self, worker_id: WorkerId, now: float) -> bool:
        return self._wall() - self._renewed.get(worker_id, float("-inf")) < self._lease


class _WallClockLeases(Leases):
    def __init__(self, store: Any, clock: Any, settings: Any, **named: Any) -> None:
        super().__init__(store, clock, settings, **named)
        self._observer = _WallClockObserver(settings.lease_seconds, clock.now)


class _NeverStalled(Leases):
    def stalled(self) -> bool:
        return False


class _NoMargin(Leases):
    """Uses the strict right for as long as it believes that nobody may take over, and a little longer."""

    @property
    def _renewed(self) -> bool:
        return self._clock.monotonic() - self._acknowledged_at < self._settings.lease_seconds + 4.0


class _AlwaysRight(Leases):
    """Acts on whatever it believes to hold, however long ago it last asked."""

    @property
    def may_act(self) -> bool:
        return True


class _StampedAfter(Leases):
    async def beat(self) -> None:
        await super().beat()
        self._acknowledged_at = self._clock.monotonic()


class _RightWithoutLooking(Leases):
    @property
    def may_act(self) -> bool:
        return self._renewed


class _DrainingIsDead(Leases):
    def _holding(self, now: float) -> frozenset[WorkerId]:
        return self._alive(now)


class _ForgetsWhatItCannotRelease(Leases):
    async def release(self, shard: ShardId, *, to: Any, session: Any) -> None:
        try:
            await super().release(shard, to=to, session=session)
        finally:
            self.held.pop(shard, None)


class _TakesNothingBack(Leases):
    async def _take_back(self) -> None:
        self._in_doubt.clear()


class _NoNextOwner(Leases):
    async def release(self, shard: ShardId, *, to: Any, session: Any) -> None:
        await super().release(shard, to=None, session=session)


class _NoPositions(Leases):
    def last_position(self, play_id: PlayId, *, rate: float) -> int | None:
        return None


class _EstimatesAtFullSpeed(Leases):
    """Takes what a dead worker played to have gone on as if nobody had chosen another speed."""

    def last_position(self, play_id: PlayId, *, rate: float) -> int | None:
        return super().last_position(play_id, rate=1.0 if rate else 0.0)


class _BeatsThoughItHangs(Leases):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"gets_on": lambda: True})


class _BeatsOnlyAtItsTime(Leases):
    async def until_due(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class _KeepsWhatIsLost(HeldGuilds):
    async def drop(self, shard_id: ShardId) -> None:
        """The shard is another's, and nothing is done about it."""


class _GivesUpAtOnce(HeldGuilds):
    async def hand_over(self, shard_id: ShardId, heir: WorkerId | None) -> None:
        try:
            await super().hand_over(shard_id, heir)
        except StoreUnavailable:
            for one in self._of(shard_id):
                await self._players.open(one.loop.guild_id).leave()
            await self._forget(self._of(shard_id))
            self._leases.held.pop(shard_id, None)


class _ForgetsStops(HeldGuilds):
    def nudge_shard(self, shard_id: ShardId) -> None:
        """Only what the index knows is looked at."""


class _NoScan(Worker):
    async def scan_all(self) -> None:
        """Nudges never get lost."""


class _OverlapFromNow(Worker):
    """Reads the inbox's last seconds, whenever it read it before."""

    async def read_inbox(self) -> None:
        self._inbox_read_up_to = self._clock.now()
        await super().read_inbox()


def _dies_unnoticed(self: reconcile.Reconciler, left: GuildState) -> GuildState:
    return left


def _whoever_was_there(self: CrashRecord, position_ms: int) -> CrashRecord:
    """Blames every song that was there, marked or not."""
    return replace(self, worker=self.worker + 1, marked=False)


def _as_it_was(self: CrashRecord) -> CrashRecord:
    return self


def _all_at_once(self: Trials, trial: Any, *, alone: bool) -> bool:
    return True


async def _tells_nobody(self: Resolving, key: Any, sentence: str) -> None:
    """It goes on without a word."""


async def _whatever_came_since(self: CarryingOut, state: GuildState) -> bool:
    return True


def _never_seen(self: GuildState, interaction_id: object) -> bool:
    return False


async def _end_whatever_plays(store: Any, state: GuildState, over: PlayId, *rest: Any) -> Any:
    return await moving_on.move_on(store, state, state.play_id or over, *rest)


@contextmanager
def _meaning_whatever_plays() -> Iterator[Parts]:
    with (
        patch.object(guild_commands, "move_on", _end_whatever_plays),
        patch.object(reconcile, "move_on", _end_whatever_plays),
    ):
        yield Parts()


_go_back = GuildState.go_back


def _back_from_whatever_plays(self: GuildState, over: PlayId, *rest: Any) -> GuildState:
    return _go_back(self, self.play_id or over, *rest)


_picked = QueueCommands._picked


async def _picked_anew(self: QueueCommands, state: GuildState, position: int, picked: Any) -> Any:
    return await _picked(self, state, position, [])


async def _whatever_waits_there(self: GuildCommands, state: GuildState, key: Any, at_most: int) -> int:
    return at_most


@contextmanager
def _meaning_the_number() -> Iterator[Parts]:
    with (
        patch.object(QueueCommands, "_picked", _picked_anew),
        patch.object(GuildCommands, "_position_of", _whatever_waits_there),
    ):
        yield Parts()


def _keeping_names(state: GuildState, undo: Any, **named: Any) -> Any:
    """Copies what was queued since, names and all."""
    copied = [*named["waiting"], *filter(None, [named["current"]])]
    names = [entry.entry_id for entry in copied] + named["names"][-1:]
    return bring_back_queue(state, undo, **named | {"names": names[: len(named["names"])]})


def _any_lease(self: FakeLeaseStore, seen: Any) -> Any:
    return self._lease(seen.shard_id)


async def _identify_at_once(self: FakeIdentifyBudget, *_: object, **__: object) -> float:
    return 0.0


def _wants_player(self: StoredGuild, now: float) -> bool:
    return isinstance(self.state, GuildState) and self.state.wants_player


async def _give_once(self: Resolving, owed: OwedReply, sentence: str) -> bool:
    with suppress(DiscordError):
        await self._replies.edit(owed, sentence)
    await self._store.settle(owed.interaction_id)
    return True


def _never_done(self: Once, state: GuildState) -> bool:
    return False


def _never_tunes(wanted: GuildState, actual: PlayerStatus, **known: Any) -> Any:
    """Sound is chosen when a track begins."""
    action = next_action(wanted, actual, **known)
    return Rest() if isinstance(action, Tune) else action


def _fails_for_the_network(wanted: GuildState, actual: PlayerStatus, **known: Any) -> Any:
    """A source that cannot be reached is a track that failed."""
    action = next_action(wanted, actual, **known)
    return Advance(action.play_id, action.trouble) if isinstance(action, TryAgain) else action


async def _blames_the_link(self: Resolving, entry: Entry) -> Track | None:
    try:
        return await self._source.resolve(entry.track.url)
    except TrackError as trouble:
        with self.reporting(entry.key):
            await self._drop(entry)
            await self.report(entry.key, str(trouble))
        return None


def _never_spent(playing: object) -> bool:
    """A prepared stream is taken as it is."""
    return False


def _nobody_looks(playing: object) -> None:
    """That a prepared stream ended before its turn is nobody's business."""


def _reason_alone(track: object, why: str, at_ms: int) -> str:
    return why


def _fails_with_its_child(self: Playback, ended: MediaChildEnded, deaths: int) -> None:
    raise DecoderCrashed("That track crashes my decoder. Try another file.") from None


def _blames_everybody(self: MediaSession, gone: object) -> MediaChildEnded:
    return MediaChildEnded(0, blamed=True)


def _nobody_looks_for_hangs(self: MediaChild) -> None:
    """A child that stands still is waited for."""


def _forget_places(self: Leases, positions: object) -> None:
    """Only what heartbeats tell now is known."""


SAFEGUARDS = (
    Safeguard(
        "writes are conditional on the epoch (if the strict right fails)",
        _parts(worker_store=_NoEpochCondition, leases=_AlwaysRight),
        _STALLS,
        beside=Parts(leases=_AlwaysRight),
    ),
    Safeguard("a guild is claimed before the first act", _parts(worker_store=_NoClaim), _STALLS),
    Safeguard("a claim raises the version", _parts(worker_store=_ClaimKeepsVersion), _CHANGES),
    Safeguard("commands' writes are conditional on the version", _parts(command_store=_NoVersionCondition)),
    Safeguard("workers' writes are conditional on the version", _parts(worker_store=_NoVersionCondition)),
    Safeguard("what is ended is the playing that was meant", _meaning_whatever_plays),
    Safeguard(
        "a step back is from the playing that was meant", _patched(GuildState, "go_back", _back_from_whatever_plays)
    ),
    Safeguard("an entry is picked by its number once, and then meant by its id", _meaning_the_number),
    Safeguard("a new writing is pointed at under the version", _parts(command_store=_FlipsAnyVersion)),
    Safeguard(
        "only the youngest number may be pointed at",
        _writing(_KeepsItsNumber, command_store=_SweptAtOnce),
        beside=Parts(command_store=_SweptAtOnce),
    ),
    Safeguard("the number of a new writing is handed out", _writing(_TakesTheNextNumber)),
    Safeguard("what an undo copies is named anew", _patched(queue_commands, "bring_back_queue", _keeping_names)),
    Safeguard("a refusal is looked at again", _patched(CarryingOut, "_is_still", _whatever_came_since)),
    Safeguard("the ring of interaction ids", _patched(GuildState, "has_seen", _never_seen)),
    Safeguard(
        "taking a shard is conditional on owner and epoch", _patched(FakeLeaseStore, "_as_seen", _any_lease), _CHANGES
    ),
    Safeguard("a worker that stood still is silent", _parts(leases=_NeverStalled), (Kind.PAUSE,)),
    Safeguard("a worker whose sender hangs does not beat", _parts(leases=_BeatsThoughItHangs), (Kind.HANG,)),
    Safeguard("observers time expiry on their own clock", _parts(leases=_WallClockLeases), (Kind.CLOCK_JUMP,)),
    Safeguard("the holder's right ends before others may take", _parts(leases=_NoMargin), _OUTAGES),
    Safeguard("the right is stamped before the call", _parts(leases=_StampedAfter), (Kind.PAUSE, Kind.SLOW)),
    Safeguard("a right that returns is confirmed by a look", _parts(leases=_RightWithoutLooking), _OUTAGES),
    Safeguard("a draining worker holds what it has not handed over", _parts(leases=_DrainingIsDead), _CHANGES),
    Safeguard(
        "what could not be released stays held",
        _parts(leases=_ForgetsWhatItCannotRelease),
        (Kind.DEPLOY, Kind.THROTTLED),
    ),
    Safeguard(
        "what is held in doubt is taken anew",
        _parts(leases=_TakesNothingBack),
        (Kind.SLOW, Kind.DEPLOY, Kind.DRAIN, Kind.SCALE_UP),
    ),
    Safeguard(
        "the next owner is named",
        _parts(leases=_NoNextOwner),
        (Kind.UNHEARD, Kind.SCALE_UP),
    ),
    Safeguard("positions ride in the heartbeat", _parts(leases=_NoPositions), (Kind.CRASH,)),
    Safeguard("an estimated place follows the speed", _parts(leases=_EstimatesAtFullSpeed), (Kind.CRASH,)),
    Safeguard("what sounds is compared with what was chosen", _patched(reconcile, "next_action", _never_tunes)),
    Safeguard("a song that begins is told of soon", _parts(leases=_BeatsOnlyAtItsTime), (Kind.CRASH,)),
    Safeguard("a lost shard is dropped and muted", _parts(held_guilds=_KeepsWhatIsLost), _STALLS),
    Safeguard("the level scan", _parts(worker=_NoScan), _NUDGES),
    Safeguard("the scan looks at guilds that are looked after", _parts(held_guilds=_ForgetsStops), _NUDGES),
    Safeguard(
        "the inbox is read with an overlap",
        _parts(settings=lambda s: replace(s, inbox_overlap_seconds=0.0)),
        (Kind.NUDGES_LATE,),
    ),
    Safeguard(
        "the inbox is read from where it was last read",
        _parts(worker=_OverlapFromNow),
        (Kind.PAUSE, Kind.STORE_DOWN, Kind.CLOCK_JUMP),
    ),
    Safeguard(
        "the scan looks at guilds that are owed an answer",
        _patched(StoredGuild, "wants_worker", _wants_player),
        (Kind.REPLIES_DOWN,),
    ),
    Safeguard(
        "an answer is owed until Discord takes it", _patched(Resolving, "_give", _give_once), (Kind.REPLIES_DOWN,)
    ),
    Safeguard(
        "who is thrown out stops once, though the answer be lost",
        _patched(Once, "is_done", _never_done),
        (Kind.KICK,),
    ),
    Safeguard("the places that were told are remembered", _patched(Leases, "_remember", _forget_places), (Kind.PAUSE,)),
    Safeguard(
        "nothing is given up before its place is saved",
        _parts(held_guilds=_GivesUpAtOnce),
        (Kind.STORE_DOWN, Kind.DRAIN),
    ),
    Safeguard("what failed before its turn is opened once more", _parts(is_spent=_never_spent), _PREPARED),
    Safeguard(
        "what ended before its turn has ended (if it is not opened once more)",
        _parts(is_spent=_never_spent, ended_unseen=_nobody_looks),
        _PREPARED,
        beside=Parts(is_spent=_never_spent),
    ),
    Safeguard(
        "a failure is told by the track's name",
        _patched(reconcile, "failed", _reason_alone),
        (Kind.TRACK_FAILS, *_PREPARED),
    ),
    Safeguard(
        "a track whose source cannot be reached is played again",
        _patched(reconcile, "next_action", _fails_for_the_network),
        (Kind.NETWORK_AWAY,),
    ),
    Safeguard(
        "a link is not blamed for the network",
        _patched(Resolving, "_found", _blames_the_link),
        (Kind.NETWORK_AWAY,),
    ),
    Safeguard("a stream goes on in another media child", _patched(Playback, "_bear", _fails_with_its_child), _CHILDREN),
    Safeguard("it goes on where its buffer ends", _patched(playback, "FRAME_MS", 0), _CHILDREN),
    Safeguard("only who is marked is blamed", _patched(MediaSession, "_ended", _blames_everybody), _CHILDREN),
    Safeguard(
        "a media child that stands still is looked for",
        _patched(MediaChild, "look_for_hang", _nobody_looks_for_hangs),
        (Kind.CHILD_HANGS,),
    ),
    Safeguard("the identify budget", _patched(FakeIdentifyBudget, "reserve", _identify_at_once), (Kind.GATEWAY_LOSS,)),
    Safeguard(
        "a place in the identify budget is used at once",
        _patched(identify_gate, "GRANTED_SECONDS", float("inf")),
        (Kind.GATEWAY_LOSS, Kind.SLOW),
    ),
    Safeguard(
        "a worker's death is counted with the claim that follows",
        _patched(reconcile.Reconciler, "_taking", _dies_unnoticed),
        _KILLERS,
    ),
    Safeguard(
        "a decoder's crash is recorded before the next try",
        _patched(CrashRecord, "after_a_decoders_crash", _as_it_was),
        (Kind.DECODER_CRASH,),
    ),
    Safeguard("a suspect is marked before it is opened", _patched(CrashRecord, "tried", _as_it_was), _KILLERS),
    Safeguard("who was not marked is not blamed", _patched(CrashRecord, "after_a_death", _whoever_was_there), _KILLERS),
    Safeguard("suspects are tried alone at last", _patched(Trials, "may_begin", _all_at_once), _KILLERS),
    Safeguard("a guild is told what was skipped", _patched(Resolving, "report", _tells_nobody), (Kind.DECODER_CRASH,)),
)
