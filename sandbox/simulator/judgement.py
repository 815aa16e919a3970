"""What must hold of every life. Each rule looks at the record and adds what it finds broken."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.simulator.catalogue import Catalogue, guild_tag
from sandbox.simulator.life import Life
from sandbox.simulator.linearise import explain
from sandbox.simulator.plan import Track
from sandbox.simulator.record import Operation, Record, Segment, Violation
from sandbox.simulator.sounding import unlike_what_was_chosen
from timmybot.adapters.discord_gateway.identify_gate import GRANTED_SECONDS
from timmybot.domain.ids import GuildId, PlayId, ShardId, WorkerId, shard_of
from timmybot.ports.identify_budget import BUCKET_SECONDS

NUDGE_SECONDS = 6.0
"""How soon a nudge is read: poll, replica, a call that times out before."""
QUICK_SECONDS = 4.0
"""How soon sound follows a wish when nothing is wrong: poll, resolve, join."""
SLOW_TRACK_SECONDS = 8.0
RECOVERY_SECONDS = 24.0
"""How soon after the last fault every wish is granted: lease, beats, scan, a join."""
BEFORE_SECONDS = 15.0
"""How long a fault's after-effects may last for things to count as undisturbed."""
TAKEOVER_SECONDS = 2.5
"""How long two workers may send for one guild; only one of them is heard."""
KILL_GAP_SECONDS = 15.0
HAND_OVER_GAP_SECONDS = 3.0
LEFT_OUT_MS = 250
"""How much may be sent into the void before a worker learns that its connection is gone."""
HALF_A_BEAT_MS = 1_125
"""How much of a track a successor may take to have sounded although it did not, as a worker died between two beats."""
REPEAT_MS = 1_500
"""How much of a track may be heard twice when another worker goes on with it: half a beat, and the time of a write."""
SLOW_REPEAT_MS = 2_000
"""The same where the store has had its troubles: a write that takes a second saves a place that is a second old."""


@dataclass(frozen=True)
class Wish:
    """What a guild wanted to hear from ``start`` to ``end``; ``None``: silence."""

    play_id: PlayId | None
    start: float
    end: float


def judge(life: Life) -> list[Violation]:
    """Every violation of the life, in the order of time."""
    record = life.record
    case = _Case(life)
    for rule in (_one_writer, _isolated, _explained, _dropped, _answered, _nudged, _identify_budget):
        rule(case)
    for guild in life.guilds:
        for hearing in (_heard_as_wanted, _sounds_as_chosen, _goes_on_where_it_was, _one_voice, _silent_after_a_stall,
                        _gaps):  # fmt: skip
            hearing(case, guild)
    return sorted(record.violations, key=lambda violation: violation.at)


class _Case:
    """A record, and what several rules want to know of it."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.record: Record = life.record
        self.end = life.plan.ends_at
        self.segments: dict[GuildId, list[Segment]] = defaultdict(list)
        for segment in self.record.segments:
            if segment.end > segment.start:
                self.segments[segment.guild].append(segment)
        self.troubles = sorted(self.record.troubles)

    def wishes(self, guild: GuildId) -> Iterator[Wish]:
        wanted, key, since = None, None, 0.0
        for commit in self.record.commits:
            if commit.guild != guild:
                continue
            now_wanted = None if commit.after.paused or commit.after.away else commit.after.play_id
            # What an undo copies while it is looked at has to be looked at once more: the wish begins anew.
            if now_wanted != wanted or (wanted and key != commit.after.current):
                yield Wish(wanted, since, commit.at)
                wanted, since = now_wanted, commit.at
            key = commit.after.current
        yield Wish(wanted, since, self.end)

    def undisturbed(self, start: float, end: float) -> bool:
        return all(until < start or at > end for at, until in self.troubles)

    def deadline(self, start: float, quick: float) -> float:
        """By when what is wished for at ``start`` must be so."""
        if self.undisturbed(start - BEFORE_SECONDS, start + quick):
            return start + quick
        deadline = start + RECOVERY_SECONDS
        for at, until in self.troubles:
            if at <= deadline:
                deadline = max(deadline, until + RECOVERY_SECONDS)
        return deadline

    def identified_after(self, guild: GuildId, start: float) -> float:
        """``start``, or when the shard got its session if that came soon after: one identify every five seconds."""
        shard = self.shard(guild)
        times = [each.at for each in self.record.identifies if each.shard == shard]
        if times and times[0] > start:
            return times[0]  # However late: the worker that waited for it may have died before.
        return max([start, *(at for at in times if start < at < start + 20.0)])

    def owner(self, shard: ShardId, at: float) -> WorkerId | None:
        owner = None
        for ownership in self.record.ownerships:
            if ownership.shard == shard and ownership.at <= at:
                owner = ownership.owner
        return owner

    def shard(self, guild: GuildId) -> ShardId:
        return shard_of(guild, self.life.around.settings.shard_count)

    def violated(self, rule: str, at: float, what: str) -> None:
        self.record.violated(rule, at, what)


def _one_writer(case: _Case) -> None:
    writers: dict[tuple[ShardId, int], str] = {}
    for commit in case.record.commits:
        if commit.epoch is not None:
            first = writers.setdefault((case.shard(commit.guild), commit.epoch), commit.by)
            if first != commit.by:
                what = f"{commit.by} wrote under epoch {commit.epoch}, which was {first}'s"
                case.violated("one owner writes per epoch", commit.at, what)


def _isolated(case: _Case) -> None:
    for segment in case.record.segments:
        if not segment.tag.startswith(guild_tag(segment.guild)):
            case.violated("guilds are isolated", segment.start, f"{segment.tag} was heard in guild {segment.guild}")


def _explained(case: _Case) -> None:
    for guild in case.life.guilds:
        operations = [each for each in case.record.operations if each.guild == guild]
        verdict = explain(operations)
        case.record.tally["histories explained"] += 1
        case.record.tally["histories too long to decide"] += verdict.gave_up
        if not verdict.explained:
            stuck = "; ".join(f"{_told(each)}" for each in verdict.stuck_at)
            at = min((each.invoked for each in verdict.stuck_at), default=case.end)
            case.violated(
                "histories can be explained", at, f"guild {guild}: from {verdict.then} no order gives {stuck}"
            )


def _dropped(case: _Case) -> None:
    for each in case.record.operations:
        if each.name == "dropped" and case.life.around.catalogue.kind(Catalogue.link(each.tag)) is not Track.NOTHING:
            case.violated("only dead links are dropped", each.invoked, f"guild {each.guild} lost {each.tag}")


def _told(operation: Operation) -> str:
    return f"{operation.name} {operation.tag} -> {operation.shown or operation.answer!r}"


def _answered(case: _Case) -> None:
    """What ``/play`` leaves open is told once it is known: the interaction's answer is edited."""
    for each in case.record.operations:
        told = each.answer is not None and each.answer.startswith(("Starting", "Queued as"))
        if not told or each.command is None:
            continue
        by = case.deadline(each.returned, RECOVERY_SECONDS)
        edited_at = case.record.edits.get(each.command.number + 1_000, case.end)
        if edited_at > by:
            what = f"guild {each.guild}: {each.tag} was answered for good after {edited_at - each.returned:.1f} s"
            case.violated("owed answers are given", by, what)
    for guild, interaction in case.record.owed if case.deadline(case.end, 0.0) <= case.end else ():
        case.violated("owed answers are given", case.end, f"guild {guild} still waits for interaction {interaction}")


def _nudged(case: _Case) -> None:
    """A nudge that reached the inbox is heard by whoever owns the shard: a scan would be much later."""
    for at, guild, nudge in case.record.nudges:
        start = _calm_from(case, guild, at)
        owner = case.owner(case.shard(guild), start)
        read_at = case.record.read.get(nudge, {}).get(str(owner), case.end)
        if read_at > start + NUDGE_SECONDS and start + NUDGE_SECONDS < case.end:
            case.violated("nudges are heard", at, f"{nudge} was not read by {owner} within {NUDGE_SECONDS} s")


def _calm_from(case: _Case, guild: GuildId, at: float) -> float:
    """From when on the nudge of ``at`` has an owner who is not kept from hearing it."""
    shard = case.shard(guild)
    moves = [each.at for each in case.record.ownerships if each.shard == shard]
    start, before = at, -1.0
    while start != before:
        before = start
        for begun, until in case.troubles:
            if begun < start + NUDGE_SECONDS and until > start:
                start = until
        start = max([start, *(moved for moved in moves if start < moved < start + NUDGE_SECONDS)])
        owner = case.owner(shard, start)
        if owner is None or any(worker == owner and killed <= start for killed, worker in case.record.kills):
            start = min((moved for moved in moves if moved > start), default=case.end)
    return start


def _identify_budget(case: _Case) -> None:
    """By the clocks of those who identify: the store's budget can space no better than these agree, which are up to
    4 s apart here. Nothing is judged where one was made to jump."""
    if case.record.tally["fault: clock jump"]:
        return
    for one, other in itertools.pairwise(case.record.identifies):
        apart = other.at + other.wall_offset - one.at - one.wall_offset
        if apart < BUCKET_SECONDS - GRANTED_SECONDS - 0.1:
            what = f"shard {other.shard} identified {apart:.2f} s after another"
            case.violated("the identify budget is kept", other.at, what)


def _heard_as_wanted(case: _Case, guild: GuildId) -> None:
    heard = [segment for segment in case.segments[guild] if segment.heard]
    for wish in case.wishes(guild):
        if wish.play_id is not None:
            _is_heard(case, guild, wish, heard)
    for segment in heard:
        _is_wanted(case, guild, segment)


def _is_heard(case: _Case, guild: GuildId, wish: Wish, heard: list[Segment]) -> None:
    silent_since = wish.start
    for segment in [each for each in heard if each.play_id == wish.play_id and each.end > wish.start]:
        if segment.start > silent_since:
            _check_silence(case, guild, wish, silent_since, min(segment.start, wish.end))
        silent_since = max(silent_since, segment.end)
    _check_silence(case, guild, wish, silent_since, wish.end)


def _check_silence(case: _Case, guild: GuildId, wish: Wish, start: float, end: float) -> None:
    start = case.identified_after(guild, start)
    if end > case.deadline(start, SLOW_TRACK_SECONDS):
        case.violated("what is wanted is heard", start, f"guild {guild}: {end - start:.1f} s without {wish.play_id}")


def _is_wanted(case: _Case, guild: GuildId, segment: Segment) -> None:
    unwanted = segment.end
    for wish in case.wishes(guild):
        if wish.start >= segment.end:
            break
        if wish.play_id == segment.play_id:
            unwanted = segment.end
        elif wish.end > segment.start:
            unwanted = min(unwanted, max(wish.start, segment.start))
    if unwanted < segment.end and segment.end > case.deadline(unwanted, QUICK_SECONDS):
        what = f"guild {guild}: {segment.worker} was heard with {segment.tag} {segment.end - unwanted:.1f} s too long"
        case.violated("what is heard is wanted", unwanted, what)


def _sounds_as_chosen(case: _Case, guild: GuildId) -> None:
    commits = [commit for commit in case.record.commits if commit.guild == guild]
    heard = [segment for segment in case.segments[guild] if segment.heard]
    for each in unlike_what_was_chosen(commits, heard, case.end):
        if each.end > case.deadline(each.start, QUICK_SECONDS):
            what = f"guild {guild}: {each.segment.tag} sounded as {each.segment.sound}, {each.chosen} was chosen"
            case.violated("what sounds is what was chosen", each.start, what)


def _goes_on_where_it_was(case: _Case, guild: GuildId) -> None:
    place: dict[PlayId, Segment] = {}
    begun = _begun_at(case, guild)
    furthest: dict[PlayId, int] = defaultdict(int)
    for segment in sorted((each for each in case.segments[guild] if each.heard), key=lambda each: each.start):
        before = place.get(segment.play_id)
        if before is not None:
            skipped = segment.from_ms - furthest[segment.play_id]
            repeated = before.to_ms - segment.from_ms
            rate = max(before.sound.rate, segment.sound.rate)
            if skipped > rate * (LEFT_OUT_MS + HALF_A_BEAT_MS * _takeovers(case, before, segment)):
                case.violated("no music is left out", segment.start, f"guild {guild}: {skipped} ms of {segment.tag}")
            if repeated > _repeat_allowed(case, before, segment):
                what = f"guild {guild}: {repeated} ms of {segment.tag}, {before.worker} then {segment.worker}"
                case.violated("no music is heard twice", segment.start, what)
        elif segment.from_ms > begun.get(segment.play_id, 0) + LEFT_OUT_MS + _assumed_before(case, segment):
            case.violated(
                "no music is left out", segment.start, f"guild {guild}: {segment.tag} began at {segment.from_ms}"
            )
        place[segment.play_id] = segment
        furthest[segment.play_id] = max(furthest[segment.play_id], segment.to_ms)


def _assumed_before(case: _Case, first_heard: Segment) -> float:
    """How much a successor may take to have sounded of what was sent, though into the void, before it died."""
    sent = [each for each in case.segments[first_heard.guild] if each.play_id == first_heard.play_id]
    first_sent = min(sent, key=lambda each: each.start)
    if first_sent is first_heard:
        return 0.0
    return first_sent.sound.rate * HALF_A_BEAT_MS * _takeovers(case, first_sent, first_heard)


def _takeovers(case: _Case, before: Segment, segment: Segment) -> int:
    """How often the guild's shard was taken between the two, or shortly before the first."""
    shard = case.shard(segment.guild)
    taken = [each for each in case.record.ownerships if each.shard == shard and each.owner is not None]
    return sum(before.start - TAKEOVER_SECONDS < each.at < segment.start for each in taken)


def _begun_at(case: _Case, guild: GuildId) -> dict[PlayId, int]:
    """Where each playing was to begin: what was stopped goes on where it was."""
    begun: dict[PlayId, int] = {}
    for commit in case.record.commits:
        if commit.guild == guild and commit.after.play_id is not None:
            begun.setdefault(commit.after.play_id, commit.after.position_ms)
    return begun


def _repeat_allowed(case: _Case, before: Segment, segment: Segment) -> float:
    shard, rate = case.shard(segment.guild), max(before.sound.rate, segment.sound.rate)
    moves = [each for each in case.record.ownerships if each.shard == shard]
    if before.worker == segment.worker and not any(before.start < each.at < segment.start for each in moves):
        return 100.0
    if len(case.troubles) == len(case.record.kills) + len(case.record.drains):  # nothing else went wrong
        return REPEAT_MS * rate
    # A successor knows what was told before it read the heartbeats by which it took the shard, and what is stored.
    known_at = max(
        (each.known_at for each in moves if each.owner == segment.worker and each.at < segment.start), default=0
    )
    beaten = _told_to(case, segment.worker, before.play_id, known_at)
    saved = [
        commit.after.position_ms
        for commit in case.record.commits
        if commit.after.play_id == before.play_id and commit.guild == segment.guild and commit.at < segment.start
    ]
    return max(SLOW_REPEAT_MS * rate, before.to_ms - max([*beaten, *saved], default=0) + 200.0)


def _told_to(case: _Case, successor: WorkerId, play_id: PlayId, known_at: float) -> list[int]:
    """Places that the successor can know from beats: each worker's last one that was not written over before it began.

    Of a worker's beats, the last is the one that took effect last: a slow one may come after its successor.
    """
    began_at = min((beat.at for beat in case.record.beats if beat.worker == successor), default=known_at)
    following: dict[WorkerId, float] = {}
    known: dict[WorkerId, int] = {}
    for beat in reversed(case.record.beats):
        written_over_at = following.get(beat.worker, float("inf"))
        following[beat.worker] = beat.at
        if beat.at < known_at and play_id in beat.positions and written_over_at > began_at:
            known.setdefault(beat.worker, beat.positions[play_id])
    return list(known.values())


def _one_voice(case: _Case, guild: GuildId) -> None:
    segments = sorted(case.segments[guild], key=lambda each: each.start)
    for number, one in enumerate(segments):
        for other in segments[number + 1 :]:
            if other.start >= one.end:
                break
            both = min(one.end, other.end) - other.start
            if one.worker != other.worker and both > TAKEOVER_SECONDS:
                what = f"guild {guild}: {one.worker} and {other.worker} sent for {both:.1f} s"
                case.violated("one worker sends per guild", other.start, what)


def _silent_after_a_stall(case: _Case, guild: GuildId) -> None:
    shard = case.shard(guild)
    for woke, worker in case.record.wakes:
        late = woke + 2.0
        for segment in case.segments[guild]:
            if segment.worker == worker and segment.start < late < segment.end and case.owner(shard, late) != worker:
                what = f"guild {guild}: {worker} stood still, lost the shard, and still sends 2 s after it woke"
                case.violated("who stood still is silent", late, what)


def _gaps(case: _Case, guild: GuildId) -> None:
    for events, bound, rule in (
        (case.record.kills, KILL_GAP_SECONDS, "a crash costs seconds"),
        (case.record.drains, HAND_OVER_GAP_SECONDS, "a hand-over is hardly heard"),
    ):
        for at, worker in events:
            gap = _gap(case, guild, at, worker)
            if gap is not None:
                case.record.tally[f"{rule}: gaps seen"] += 1
                if gap > bound:
                    case.violated(rule, at, f"guild {guild}: {gap:.1f} s of silence")


def _gap(case: _Case, guild: GuildId, at: float, worker: WorkerId) -> float | None:
    """How long a song was silent that one worker played at ``at`` and another went on with, all else being well."""
    heard = sorted((each for each in case.segments[guild] if each.heard), key=lambda each: each.start)
    playing = next((each for each in heard if each.worker == worker and each.start < at - 4.0 and each.end >= at), None)
    if playing is None or len(case.troubles) > 1:
        return None
    if not any(beat.worker != worker and at - 8.0 < beat.at < at - 4.0 for beat in case.record.beats):
        return None
    wanted = [wish for wish in case.wishes(guild) if wish.play_id == playing.play_id and wish.end > at]
    if not wanted or wanted[0].end < at + KILL_GAP_SECONDS + 5.0:
        return None
    again = next(
        (each for each in heard if each.play_id == playing.play_id and each.worker != worker and each.start > at), None
    )
    return (again.start if again else wanted[0].end) - playing.end


Rule = Callable[[_Case], None]
