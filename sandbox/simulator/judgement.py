"""What must hold of every life. Each rule looks at the record and adds what it finds broken."""

from __future__ import annotations

import itertools

from sandbox.simulator.blaming import blamed_by_chance, judge_blame
from sandbox.simulator.case import RECOVERY_SECONDS, Case
from sandbox.simulator.catalogue import Catalogue, guild_tag, tags_in
from sandbox.simulator.hearing import judge_hearing
from sandbox.simulator.life import Life
from sandbox.simulator.linearise import explain
from sandbox.simulator.plan import Kind, Track
from sandbox.simulator.record import Operation, Violation
from timmybot.adapters.discord_gateway.identify_gate import GRANTED_SECONDS
from timmybot.domain.ids import GuildId, PlayId, ShardId
from timmybot.ports.identify_budget import BUCKET_SECONDS

TOLD_SECONDS = 2.0
"""How soon a guild reads that a track failed, once the queue has gone on: a call or two of either kind."""
OF_TRACKS = (Kind.TRACK_FAILS, Kind.PREPARED_FAILS, Kind.PREPARED_ENDS, Kind.PREPARED_HANGS)
NUDGE_SECONDS = 6.0
"""How soon a nudge is read: poll, replica, a call that times out before."""


def judge(life: Life) -> list[Violation]:
    """Every violation of the life, in the order of time."""
    record = life.record
    case = Case(life)
    for rule in (_one_writer, _isolated, _explained, _dropped, _named, _answered, _nudged, _identify_budget):
        rule(case)
    judge_blame(case)
    for guild in life.guilds:
        judge_hearing(case, guild)
    return sorted(record.violations, key=lambda violation: violation.at)


def _one_writer(case: Case) -> None:
    writers: dict[tuple[ShardId, int], str] = {}
    for commit in case.record.commits:
        if commit.epoch is not None:
            first = writers.setdefault((case.shard(commit.guild), commit.epoch), commit.by)
            if first != commit.by:
                what = f"{commit.by} wrote under epoch {commit.epoch}, which was {first}'s"
                case.violated("one owner writes per epoch", commit.at, what)


def _isolated(case: Case) -> None:
    for segment in case.record.segments:
        if not segment.tag.startswith(guild_tag(segment.guild)):
            case.violated("guilds are isolated", segment.start, f"{segment.tag} was heard in guild {segment.guild}")


def _explained(case: Case) -> None:
    for guild in case.life.guilds:
        operations = [each for each in case.record.operations if each.guild == guild]
        verdict = explain([*operations, *blamed_by_chance(case, guild)])
        case.record.tally["histories explained"] += 1
        case.record.tally["histories too long to decide"] += verdict.gave_up
        if not verdict.explained:
            stuck = "; ".join(f"{_told(each)}" for each in verdict.stuck_at)
            at = min((each.invoked for each in verdict.stuck_at), default=case.end)
            case.violated(
                "histories can be explained", at, f"guild {guild}: from {verdict.then} no order gives {stuck}"
            )


def _dropped(case: Case) -> None:
    for each in case.record.operations:
        if each.name == "dropped" and case.life.around.catalogue.kind(Catalogue.link(each.tag)) is not Track.NOTHING:
            case.violated("only dead links are dropped", each.invoked, f"guild {each.guild} lost {each.tag}")


def _named(case: Case) -> None:
    """A track that failed is told of by its name. A worker that is killed, or Discord's silence, may keep that from the
    guild, so it is judged where nothing went wrong but with tracks."""
    playings = {(guild, number): play_id for (guild, play_id), number in case.record.playings.items()}
    for each in case.record.operations:
        if each.name != "failed" or not _only_tracks_fail(case, each.invoked):
            continue
        moved_on_at = _moved_on_by_a_worker(case, each.guild, playings.get((each.guild, each.playing)), each.invoked)
        if moved_on_at is None:
            continue
        by = moved_on_at + TOLD_SECONDS
        told = (words for at, guild, words in case.record.told if guild == each.guild and each.invoked < at <= by)
        if by < case.end and not any(each.tag in tags_in(words) for words in told):
            what = f"guild {each.guild} was not told that {each.tag} failed"
            case.violated("a failure is told by the track's name", moved_on_at, what)


def _only_tracks_fail(case: Case, at: float) -> bool:
    others = [fault for fault in case.life.plan.faults if fault.kind not in OF_TRACKS]
    return all(fault.until + RECOVERY_SECONDS < at or fault.at > at + 2 * TOLD_SECONDS for fault in others)


def _moved_on_by_a_worker(case: Case, guild: GuildId, over: PlayId | None, after: float) -> float | None:
    """When a worker went on from the playing ``over``; ``None`` if none did, or a command came before it."""
    went_on = (
        commit
        for commit in case.record.commits
        if commit.guild == guild and commit.at >= after and commit.before.play_id == over != commit.after.play_id
    )
    first = next(went_on, None)
    return first.at if first is not None and first.epoch is not None else None


def _told(operation: Operation) -> str:
    return f"{operation.name} {operation.tag} -> {operation.shown or operation.answer!r}"


def _answered(case: Case) -> None:
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


def _nudged(case: Case) -> None:
    """A nudge that reached the inbox is heard by whoever owns the shard: a scan would be much later."""
    for at, guild, nudge in case.record.nudges:
        start = _calm_from(case, guild, at)
        owner = case.owner(case.shard(guild), start)
        read_at = case.record.read.get(nudge, {}).get(str(owner), case.end)
        if read_at > start + NUDGE_SECONDS and start + NUDGE_SECONDS < case.end:
            case.violated("nudges are heard", at, f"{nudge} was not read by {owner} within {NUDGE_SECONDS} s")


def _calm_from(case: Case, guild: GuildId, at: float) -> float:
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


def _identify_budget(case: Case) -> None:
    """By the clocks of those who identify: the store's budget can space no better than these agree, which are up to
    4 s apart here. Nothing is judged where one was made to jump."""
    if case.record.tally["fault: clock jump"]:
        return
    for one, other in itertools.pairwise(case.record.identifies):
        apart = other.at + other.wall_offset - one.at - one.wall_offset
        if apart < BUCKET_SECONDS - GRANTED_SECONDS - 0.1:
            what = f"shard {other.shard} identified {apart:.2f} s after another"
            case.violated("the identify budget is kept", other.at, what)
