"""Whether a song that another worker goes on with goes on where it was: how much is heard twice, or left out."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from sandbox.simulator.case import TAKEOVER_SECONDS, Case
from sandbox.simulator.record import Segment
from timmybot.domain.ids import GuildId, PlayId, WorkerId

LEFT_OUT_MS = 250
"""How much may be sent into the void before a worker learns that its connection is gone."""
HALF_A_BEAT_MS = 1_125
"""How much of a track a successor may take to have sounded although it did not, as a worker died between two beats."""
REPEAT_MS = 1_500
"""How much of a track may be heard twice when another worker goes on with it: half a beat, and the time of a write."""
SLOW_REPEAT_MS = 2_000
"""The same where the store has had its troubles: a write that takes a second saves a place that is a second old."""


def goes_on_where_it_was(case: Case, guild: GuildId) -> None:
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


def _assumed_before(case: Case, first_heard: Segment) -> float:
    """How much a successor may take to have sounded of what was sent, though into the void, before it died."""
    sent = [each for each in case.segments[first_heard.guild] if each.play_id == first_heard.play_id]
    first_sent = min(sent, key=lambda each: each.start)
    if first_sent is first_heard:
        return 0.0
    return first_sent.sound.rate * HALF_A_BEAT_MS * _takeovers(case, first_sent, first_heard)


def _takeovers(case: Case, before: Segment, segment: Segment) -> int:
    """How often the guild's shard was taken between the two, or shortly before the first."""
    shard = case.shard(segment.guild)
    taken = [each for each in case.record.ownerships if each.shard == shard and each.owner is not None]
    return sum(before.start - TAKEOVER_SECONDS < each.at < segment.start for each in taken)


def _begun_at(case: Case, guild: GuildId) -> dict[PlayId, int]:
    """Where each playing was to begin: what was stopped goes on where it was."""
    begun: dict[PlayId, int] = {}
    for commit in case.record.commits:
        if commit.guild == guild and commit.after.play_id is not None:
            begun.setdefault(commit.after.play_id, commit.after.position_ms)
    return begun


def _repeat_allowed(case: Case, before: Segment, segment: Segment) -> float:
    shard, rate = case.shard(segment.guild), max(segment.sound.rate, _fastest_of_late(case, before))
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


def _fastest_of_late(case: Case, last: Segment) -> float:
    """The rate of what was sent since the beat before, of which the worker that died told nobody."""
    since = last.end - 2 * HALF_A_BEAT_MS / 1000
    return max(
        each.sound.rate
        for each in case.segments[last.guild]
        if each.play_id == last.play_id and each.worker == last.worker and since < each.end <= last.end
    )


def _told_to(case: Case, successor: WorkerId, play_id: PlayId, known_at: float) -> list[int]:
    """Places that the successor has read in beats, before they were written over: the last of each worker.

    Of a worker's beats, the last is the one that took effect last: a slow one may come after its successor.
    """
    readings = case.record.readings[successor]
    following: dict[WorkerId, float] = {}
    known: dict[WorkerId, int] = {}
    for beat in reversed(case.record.beats):
        written_over_at = following.get(beat.worker, float("inf"))
        following[beat.worker] = beat.at
        if play_id in beat.positions and beat.at < known_at:
            read = bisect_right(readings, beat.at)
            if read < len(readings) and readings[read] < written_over_at:
                known.setdefault(beat.worker, beat.positions[play_id])
    return list(known.values())
