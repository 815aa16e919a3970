"""Who is blamed for a worker's death: a playing that was marked, twice, and nobody else."""

from __future__ import annotations

from timmybot.domain.crash_record import GOT_ON_MS, NO_CRASHES, CrashRecord


def test_two_deaths_make_a_suspect_and_only_marked_ones_count_after_that() -> None:
    suspect = NO_CRASHES.after_a_death(5_000).after_a_death(6_000)
    assert suspect == CrashRecord(worker=2, position_ms=5_000)
    assert suspect.is_suspect
    assert suspect.after_a_death(6_000) == suspect


def test_a_suspect_dies_once_among_others_and_once_alone_before_it_is_the_culprit() -> None:
    suspect = CrashRecord(worker=2)
    assert not suspect.is_tried_alone
    among_others = suspect.tried().after_a_death(0)
    assert among_others.is_tried_alone
    assert not among_others.marked
    assert not among_others.is_culprit
    assert among_others.tried().after_a_death(0).is_culprit


def test_who_got_on_in_between_begins_to_count_anew() -> None:
    once = NO_CRASHES.after_a_death(5_000)
    assert once.after_a_death(5_000 + GOT_ON_MS) == CrashRecord(worker=1, position_ms=5_000 + GOT_ON_MS)
    assert once.is_in_doubt(5_000 + GOT_ON_MS - 1)
    assert not once.is_in_doubt(5_000 + GOT_ON_MS)


def test_who_is_cleared_keeps_what_is_known_of_its_decoder() -> None:
    assert CrashRecord(decoder=1, worker=3, position_ms=9, marked=True).cleared() == CrashRecord(decoder=1)
    assert CrashRecord(worker=3, marked=True).put_off() == CrashRecord(worker=3)
