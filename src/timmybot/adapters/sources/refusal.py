"""Why a media child refuses a file: a code between the processes, a sentence for the member.

``Refusal`` crosses the socket as its value. The worker turns it into :class:`Refused`, whose text is the sentence.
"""

from __future__ import annotations

from enum import Enum

from timmybot.ports.track_source import TrackError


class Refusal(Enum):
    """A code and its sentence."""

    NO_AUDIO = "no audio"
    NO_SOUND = "no sound"
    UNKNOWN_FORMAT = "unknown format"
    ODD_FORMAT = "odd format"
    POINTS_ELSEWHERE = "points elsewhere"
    UNREADABLE = "unreadable"
    UNDECODABLE = "undecodable"
    SILENT = "silent"
    NO_SEEKING = "no seeking"
    TOO_COSTLY = "too costly"
    NO_MEMORY = "no memory"
    UNSEEKABLE = "unseekable"
    """The place cannot be gone to: read the file from its beginning. No member reads this."""
    SOURCE_FAILED = "source failed"
    """Reading the file failed, for a reason that the worker knows. No member reads this."""
    OUR_FAULT = "our fault"
    CRASHED_LOOK = "crashed look"
    """Made by the worker: looking at the file brought down two children."""
    STOPPING = "stopping"
    """Made by the worker, which is being stopped."""


SENTENCES = {
    Refusal.NO_AUDIO: (
        "There is no audio at that address that I can play, or the file is damaged. "
        "Give a direct link to an audio file."
    ),
    Refusal.NO_SOUND: "The file at that address has no sound in it.",
    Refusal.UNKNOWN_FORMAT: (
        "The sound at that address is in a format that I do not know. MP3, AAC, Opus and FLAC work."
    ),
    Refusal.ODD_FORMAT: "The sound at that address is damaged: its format makes no sense.",
    Refusal.POINTS_ELSEWHERE: "The file at that address points to other files, and I do not follow it there.",
    Refusal.UNREADABLE: "The file is damaged: I cannot read on from here.",
    Refusal.UNDECODABLE: "The file is damaged: I cannot decode it from here.",
    Refusal.SILENT: "The file at that address is damaged: there is nothing to hear in it.",
    Refusal.NO_SEEKING: ("The server at that address does not let me go to a place in the file. Try another link."),
    Refusal.TOO_COSTLY: (
        "The file at that address is damaged, or holds too much besides its sound. "
        "Give a direct link to an audio file, without large pictures in it."
    ),
    Refusal.NO_MEMORY: (
        "The file at that address is damaged, or holds too much besides its sound. "
        "Give a direct link to an audio file, without large pictures in it."
    ),
    Refusal.UNSEEKABLE: "I cannot go to that place in the file.",
    Refusal.SOURCE_FAILED: "The file at that address could not be read. Try again later.",
    Refusal.OUR_FAULT: "Something went wrong while I was reading that track. Try again later.",
    Refusal.CRASHED_LOOK: "Something went wrong while I was looking at that address. Try another file.",
    Refusal.STOPPING: "I am being stopped and look at no more links. Try again in a minute.",
}


class Refused(TrackError):
    """A media child refused the file. ``str()`` is the sentence of ``refusal``."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(SENTENCES[refusal])
        self.refusal = refusal


class Unseekable(Exception):
    """The file cannot be gone to that place in: read it from the beginning instead."""
