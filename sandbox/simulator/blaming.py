"""What must hold of tracks that bring down what plays them. That no other track is skipped, the histories tell: nothing
explains there that a queue goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sandbox.simulator.case import BEFORE_SECONDS, Case
from sandbox.simulator.plan import Fault, Kind
from sandbox.simulator.record import Commit, Operation
from timmybot.domain.ids import GuildId

DEATHS = 4
"""How many workers one track may kill before it is skipped, if nothing else goes wrong."""
DECODERS = 2
TELL_SECONDS = 3.0
_OF_TRACKS = (Kind.DECODER_CRASH, Kind.WORKER_KILLER)


def judge_blame(case: Case) -> None:
    others = [fault for fault in case.life.plan.faults if fault.kind not in _OF_TRACKS]
    _bounded(case, others)
    for commit in case.record.commits:
        _told(case, commit, others)


def blamed_by_chance(case: Case, guild: GuildId) -> Iterator[Operation]:
    """Tracks that are skipped although they did nothing: their worker died of something else just while they were tried
    alone, after two deaths that another track had caused. The bot cannot tell the two, and such a chance is rare.

    A worker that another track killed meanwhile is no chance: while one is tried alone, no other suspect is opened.
    """
    marked_at = 0.0
    for commit in (each for each in case.record.commits if each.guild == guild):
        before, after = commit.before.crashes, commit.after.crashes
        if after.marked and not before.marked:
            marked_at = commit.at
        if not (before.is_tried_alone and before.marked and after.is_culprit):
            continue
        deaths = [crash for crash in case.record.crashes if crash.of_worker and marked_at < crash.at < commit.at]
        others = (fault for fault in case.life.plan.faults if fault.kind not in _OF_TRACKS and fault.at < commit.at)
        play_id = commit.after.play_id
        if deaths or play_id is None or not any(others):
            continue
        tag = next((each.tag for each in case.record.segments if each.play_id == play_id), "")
        case.record.tally["blamed by chance"] += 1
        yield Operation(guild, "failed", commit.at, tag, playing=case.record.playings[guild, play_id])


def _bounded(case: Case, others: list[Fault]) -> None:
    """Each other fault may keep a crash from being recorded, a few times: a worker that stands still plays it anew."""
    crashed: Counter[tuple[object, bool]] = Counter()
    kills = sum(crash.of_worker for crash in case.record.crashes)
    for crash in case.record.crashes:
        crashed[crash.play_id, crash.of_worker] += 1
        # A decoder's crash is lost if another track kills the worker before it is written down.
        bound = DEATHS + 2 * len(others) if crash.of_worker else DECODERS + 2 * len(others) + kills
        if crashed[crash.play_id, crash.of_worker] > bound:
            what = f"guild {crash.guild}: {crash.tag} for the {crashed[crash.play_id, crash.of_worker]}th time"
            rule = "no track kills worker after worker" if crash.of_worker else "no track crashes decoder after decoder"
            case.violated(rule, crash.at, what)


def _told(case: Case, commit: Commit, others: list[Fault]) -> None:
    """A guild is told which of its tracks was skipped for that."""
    before, after = commit.before, commit.after
    if commit.epoch is None or before.play_id in {None, after.play_id}:
        return
    crash = next((crash for crash in case.record.crashes if crash.play_id == before.play_id), None)
    if crash is None or not (before.crashes.is_culprit or _crashed_for_good(case, commit)):
        return
    until = commit.at + TELL_SECONDS
    disturbed = any(fault.at < until and fault.until > commit.at - BEFORE_SECONDS for fault in others)
    if disturbed or any(commit.at <= at <= until for at, _ in case.record.kills) or until > case.end:
        return
    if not any(
        guild == commit.guild and tag == crash.tag and commit.at <= at <= until
        for at, guild, tag in case.record.skips_told
    ):
        case.violated("a guild is told what was skipped", commit.at, f"guild {commit.guild}: {crash.tag}")


def _crashed_for_good(case: Case, commit: Commit) -> bool:
    """Whether a decoder's crash is what ended the playing, just before."""
    return any(
        crash.play_id == commit.before.play_id and not crash.of_worker and crash.alone and commit.at - 1.0 < crash.at
        for crash in case.record.crashes
    )
