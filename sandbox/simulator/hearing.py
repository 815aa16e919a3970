"""What must hold of what a guild's listeners hear, and when."""

from __future__ import annotations

from sandbox.simulator.case import TAKEOVER_SECONDS, Case, Wish
from sandbox.simulator.places import goes_on_where_it_was
from sandbox.simulator.record import Segment
from sandbox.simulator.sounding import unlike_what_was_chosen
from timmybot.domain.ids import GuildId, WorkerId

QUICK_SECONDS = 4.0
"""How soon sound follows a wish when nothing is wrong: poll, resolve, join."""
SLOW_TRACK_SECONDS = 8.0
KILL_GAP_SECONDS = 15.0
HAND_OVER_GAP_SECONDS = 3.0
FULL_SECONDS = 2.0
"""How long after its begin a stream's buffer is full."""
BUFFERS_LAST_SECONDS = 10.0
"""Longer than what is buffered lasts: from then on, all that is heard was decoded by another child."""
HARDLY_SECONDS = 0.1


def judge_hearing(case: Case, guild: GuildId) -> None:
    """Add what the guild's listeners have heard amiss to the record."""
    _heard_as_wanted(case, guild)
    _sounds_as_chosen(case, guild)
    goes_on_where_it_was(case, guild)
    _one_voice(case, guild)
    _silent_after_a_stall(case, guild)
    _gaps(case, guild)
    _through_a_childs_end(case, guild)


def _heard_as_wanted(case: Case, guild: GuildId) -> None:
    heard = [segment for segment in case.segments[guild] if segment.heard]
    for wish in case.wishes(guild):
        if wish.play_id is not None:
            _is_heard(case, guild, wish, heard)
    for segment in heard:
        _is_wanted(case, guild, segment)


def _is_heard(case: Case, guild: GuildId, wish: Wish, heard: list[Segment]) -> None:
    silent_since = wish.start
    for segment in [each for each in heard if each.play_id == wish.play_id and each.end > wish.start]:
        if segment.start > silent_since:
            _check_silence(case, guild, wish, silent_since, min(segment.start, wish.end))
        silent_since = max(silent_since, segment.end)
    _check_silence(case, guild, wish, silent_since, wish.end)


def _check_silence(case: Case, guild: GuildId, wish: Wish, start: float, end: float) -> None:
    start = case.identified_after(guild, start)
    if end > case.deadline(start, SLOW_TRACK_SECONDS):
        case.violated("what is wanted is heard", start, f"guild {guild}: {end - start:.1f} s without {wish.play_id}")


def _is_wanted(case: Case, guild: GuildId, segment: Segment) -> None:
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


def _sounds_as_chosen(case: Case, guild: GuildId) -> None:
    commits = [commit for commit in case.record.commits if commit.guild == guild]
    heard = [segment for segment in case.segments[guild] if segment.heard]
    for each in unlike_what_was_chosen(commits, heard, case.end):
        if each.end > case.deadline(each.start, QUICK_SECONDS):
            what = f"guild {guild}: {each.segment.tag} sounded as {each.segment.sound}, {each.chosen} was chosen"
            case.violated("what sounds is what was chosen", each.start, what)


def _one_voice(case: Case, guild: GuildId) -> None:
    segments = sorted(case.segments[guild], key=lambda each: each.start)
    for number, one in enumerate(segments):
        for other in segments[number + 1 :]:
            if other.start >= one.end:
                break
            both = min(one.end, other.end) - other.start
            if one.worker != other.worker and both > TAKEOVER_SECONDS:
                what = f"guild {guild}: {one.worker} and {other.worker} sent for {both:.1f} s"
                case.violated("one worker sends per guild", other.start, what)


def _silent_after_a_stall(case: Case, guild: GuildId) -> None:
    shard = case.shard(guild)
    for woke, worker in case.record.wakes:
        late = woke + 2.0
        for segment in case.segments[guild]:
            if segment.worker == worker and segment.start < late < segment.end and case.owner(shard, late) != worker:
                what = f"guild {guild}: {worker} stood still, lost the shard, and still sends 2 s after it woke"
                case.violated("who stood still is silent", late, what)


def _gaps(case: Case, guild: GuildId) -> None:
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


def _gap(case: Case, guild: GuildId, at: float, worker: WorkerId) -> float | None:
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


def _through_a_childs_end(case: Case, guild: GuildId) -> None:
    """A song whose media child dies or stands still goes on: what is buffered lasts until another child has taken over.

    Judged where nothing else went wrong, and the song was wanted before and after."""
    for at, process in case.record.child_ends:
        begins, ends = at - FULL_SECONDS, at + BUFFERS_LAST_SECONDS
        if any(until >= begins and struck <= ends for struck, until in case.troubles if struck != at):
            continue
        wish = next((each for each in case.wishes(guild) if each.start <= begins and each.end >= ends), None)
        if wish is None or wish.play_id is None:
            continue
        heard = [each for each in case.segments[guild] if each.heard and each.play_id == wish.play_id]
        if not any(each.worker == process.name and each.start <= begins and each.end >= at for each in heard):
            continue
        case.record.tally["songs that were to go on without their media child"] += 1
        silent_since = at
        for each in sorted(heard, key=lambda one: one.start):
            if each.end > at and each.start <= silent_since + HARDLY_SECONDS:
                silent_since = max(silent_since, each.end)
        if silent_since < ends:
            what = f"guild {guild}: silence from {silent_since - at:.1f} s after it on"
            case.violated("nobody hears that a media child ends", silent_since, what)
