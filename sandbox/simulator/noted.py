"""Situations that are noted in the record's tally as they happen, by the stores and players that see them."""

from __future__ import annotations

STALE_WRITER = "a stale writer was refused"
COMMAND_LOST_RACE = "a command lost a race"
WORKER_LOST_RACE = "a worker lost a race"
WRITTEN_ANEW_MEANWHILE = "the queue was written anew during a command"
WRITTEN_BESIDE = "a queue was written beside the present one"
SWEPT = "dead writings were swept"
OVERLAP_HIT = "a nudge was found thanks to the overlap"
FOUND_FAILED = "a prepared track had failed when its turn came"
FOUND_ENDED = "a prepared track had ended when its turn came"
FOUND_HUNG = "a prepared track hung when its turn came"
WENT_ON_ELSEWHERE = "a song went on in another media child"
CHILD_HUNG = "a media child that stood still was ended"
HEARD_AFTER_ALL = "a track that had failed before its turn was heard in it"
SOURCE_LOST = "a song waited for its source to come back"
NOTED = (
    STALE_WRITER,
    COMMAND_LOST_RACE,
    WORKER_LOST_RACE,
    WRITTEN_ANEW_MEANWHILE,
    WRITTEN_BESIDE,
    SWEPT,
    OVERLAP_HIT,
    FOUND_FAILED,
    FOUND_ENDED,
    FOUND_HUNG,
    HEARD_AFTER_ALL,
    WENT_ON_ELSEWHERE,
    CHILD_HUNG,
    SOURCE_LOST,
)
"""What the stores and players note in the record's tally as it happens."""

DISCORD_AWAY, SOURCES_AWAY = "reaches no Discord", "reaches no source"
"""Among a process's notes: by how many faults."""
