"""How a playing ended, by its stream and by whether any of it was heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timmybot.adapters.discord_voice.lane import Playing
from timmybot.ports.track_source import DecoderCrashed, SourceAway, TrackError
from timmybot.ports.voice import Ending

OUR_FAULT: Final = "Something went wrong in me while I played this track."
NO_SOUND: Final = "There is no sound in that track."


@dataclass(frozen=True)
class Outcome:
    ending: Ending
    trouble: str | None
    """In a sentence for the text channel; always there if it failed."""


def outcome_of(playing: Playing) -> Outcome:
    """A track that gave nothing from its beginning to its end has failed: nobody shall hear nothing untold. One that
    was begun at a later place may have had no more."""
    stream = playing.stream
    if playing.broken:
        return Outcome(Ending.FAILED, OUR_FAULT)
    if stream.failure is not None:
        return Outcome(_ending_by(stream.failure), str(stream.failure))
    if not playing.sounded and stream.position_ms == 0:
        return Outcome(Ending.FAILED, NO_SOUND)
    return Outcome(Ending.FINISHED, None)


def _ending_by(failure: TrackError) -> Ending:
    match failure:
        case DecoderCrashed():
            return Ending.CRASHED
        case SourceAway():
            return Ending.AWAY
        case _:
            return Ending.FAILED


def ended_unseen(playing: Playing) -> Outcome | None:
    """How what has just become the current one ended before that, if it did: when it left its lane nobody was told."""
    return outcome_of(playing) if playing.over else None


def is_spent(playing: Playing) -> bool:
    """Whether it is known that it will give nothing, and nothing of it was heard: opened again, it may.

    What crashed its decoder is not just opened again: that is recorded first.
    """
    failure = playing.stream.failure
    if playing.sounded or isinstance(failure, DecoderCrashed):
        return False
    return playing.over or failure is not None
