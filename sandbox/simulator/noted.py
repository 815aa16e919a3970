"""Situations that are noted in the record's tally as they happen, by the stores that see them."""

from __future__ import annotations

STALE_WRITER = "a stale writer was refused"
COMMAND_LOST_RACE = "a command lost a race"
WORKER_LOST_RACE = "a worker lost a race"
WRITTEN_ANEW_MEANWHILE = "the queue was written anew during a command"
WRITTEN_BESIDE = "a queue was written beside the present one"
SWEPT = "dead writings were swept"
OVERLAP_HIT = "a nudge was found thanks to the overlap"
NOTED = (
    STALE_WRITER,
    COMMAND_LOST_RACE,
    WORKER_LOST_RACE,
    WRITTEN_ANEW_MEANWHILE,
    WRITTEN_BESIDE,
    SWEPT,
    OVERLAP_HIT,
)
"""What the stores note in the record's tally as it happens."""
