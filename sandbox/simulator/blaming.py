"""What must hold of tracks that bring down what plays them. That no other track is skipped, the histories tell: nothing
explains there that a queue goes on."""

from __future__ import annotations

from collections import Counter

from sandbox.simulator.case import BEFORE_SECONDS, Case
from sandbox.simulator.plan import Fault, Kind
from sandbox.simulator.record import Commit

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
