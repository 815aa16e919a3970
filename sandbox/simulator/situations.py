"""Which situations the seeds reach: a promise that holds where nothing happens says little.

Each is counted once a life. What the record does not show by itself is noted where it happens: see ``noted``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sandbox.simulator.life import Life
from sandbox.simulator.noted import NOTED
from sandbox.simulator.plan import COMMANDS, Fault, Kind
from sandbox.simulator.record import Commit, Ownership, Record, Segment
from timmybot.domain.ids import shard_of

_TAKEN_OVER = "a song was taken over from a worker that fell silent"
_HANDED_OVER = "a song was handed over"
_THROUGH_OUTAGE = "music went on through an outage of the store"
_WOKE = "a worker woke that had stood still for longer than the margin"
_UNHEARD = "a player went unheard"
_NOBODY_TOLD = "a command had an effect that nobody was told of"
_AWAY = "a player that was away came back"
_RETUNED = "a song went on with another sound"
_TRIED_AGAIN = "a track that crashed its decoder was played again"
_CLEARED = "a song that two workers had died with was cleared"
_CULPRIT = "a track that had killed its workers was skipped"
_ANSWERS = {
    "an interaction was delivered twice": "Done already",
    "two members meant the same playing": "That one was already skipped",
    "two members picked the same entry": "That one was played or removed",
    "members were in two channels": "I am playing in",
    "a removal was undone": "The removed track is back",
    "a clearing was undone": "What was cleared is back",
    "a stop was undone": "What was stopped is back",
    "a shuffle was undone": "The queue is in its old order",
    "a setting was refused": "`",
    "only DJs might change what plays": "Only members with the role",
    "only managers might change the settings": "Only members with the permission",
    "an outage was answered": "I couldn't reach the database",
    "Discord's silence was answered": "Discord did not tell me",
}
_OF_A_RECORD = (
    *(_TAKEN_OVER, _HANDED_OVER, _THROUGH_OUTAGE, _WOKE, _UNHEARD, _NOBODY_TOLD, _AWAY, _RETUNED),
    *(_TRIED_AGAIN, _CLEARED, _CULPRIT),
)

REACHABLE = (
    *(f"fault: {kind.value}" for kind in Kind),
    *(f"command: {name}" for name in COMMANDS),
    *_ANSWERS,
    *_OF_A_RECORD,
    *NOTED,
)
"""What some hundred seeds have to reach."""


def reached(life: Life) -> Counter[str]:
    """The situations that one life came into."""
    return Counter(dict.fromkeys(_reached(life), 1))


def _reached(life: Life) -> Iterator[str]:
    record = life.record
    yield from (f"fault: {kind.value}" for kind in Kind if record.tally[f"fault: {kind.value}"])
    yield from (name for name in NOTED if record.tally[name])
    for operation in record.operations:
        if (operation.shown is not None and operation.command is not None) or operation.name in ("queue", "nowplaying"):
            yield f"command: {operation.name}"
        if operation.shown is not None and operation.command is not None and operation.answer is None:
            yield _NOBODY_TOLD
        yield from (name for name, words in _ANSWERS.items() if (operation.answer or "").startswith(words))
    yield from _changes_of_owner(life)
    if record.wakes:
        yield _WOKE
    if record.tally["players unheard"]:
        yield _UNHEARD
    if any(commit.before.away and commit.after.wants_player for commit in record.commits):
        yield _AWAY
    for commit in record.commits:
        yield from _of_crashes(commit)
    if _is_retuned(record.segments):
        yield _RETUNED
    if any(_covers(segment, fault) for fault in life.plan.faults for segment in record.segments):
        yield _THROUGH_OUTAGE


def _of_crashes(commit: Commit) -> Iterator[str]:
    before, after = commit.before.crashes, commit.after.crashes
    if commit.before.play_id != commit.after.play_id:
        if before.is_culprit:
            yield _CULPRIT
    elif after.decoder > before.decoder:
        yield _TRIED_AGAIN
    elif before.is_suspect and not after.is_suspect:
        yield _CLEARED


def _changes_of_owner(life: Life) -> Iterator[str]:
    owners: dict[int, Ownership] = {}
    for taken in life.record.ownerships:
        before = owners.get(taken.shard)
        owners[taken.shard] = taken
        if before is not None and taken.owner is not None and _played(life.record, life, taken):
            yield _TAKEN_OVER if before.owner is not None else _HANDED_OVER


def _played(record: Record, life: Life, taken: Ownership) -> bool:
    """Whether a song that another worker had sent went on after the shard was taken."""
    for one in record.segments:
        if shard_of(one.guild, life.around.settings.shard_count) != taken.shard or one.worker == taken.owner:
            continue
        if taken.at - 15.0 < one.end and one.start < taken.at and one.heard:
            went_on = (each for each in record.segments if each.play_id == one.play_id and each.start >= taken.at)
            if any(each.worker == taken.owner for each in went_on):
                return True
    return False


def _is_retuned(segments: Sequence[Segment]) -> bool:
    begun = {(each.play_id, each.start): each for each in segments}
    went_on = ((each, begun.get((each.play_id, each.end))) for each in segments)
    return any(after is not None and after.heard and after.sound != before.sound for before, after in went_on)


def _covers(segment: Segment, fault: Fault) -> bool:
    return (
        fault.kind is Kind.STORE_DOWN
        and segment.heard
        and segment.start < fault.at
        and segment.end > min(fault.until, fault.at + 5.0)
        and fault.seconds > 2.0
    )
