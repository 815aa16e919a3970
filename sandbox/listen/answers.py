"""What the member could read: answers to commands with each of their edits, and messages in the text channel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord import Shown

_GOES_WELL = re.compile(r"\W*(Starting|Queued|Now playing|Playing|Paused|Played|Up next)\b")
"""How a sentence begins that says a track is well. Any other about a track says what became of it."""
_CLOCK_TIME = re.compile(r"\b(?:(\d+):)?(\d{1,2}):(\d{2})\b")


@dataclass(frozen=True)
class Answer:
    """A text as it read from ``at`` on (monotonic seconds)."""

    at: float
    text: str
    ephemeral: bool = False
    of_track: bool = False
    """It may say what became of a track: an answer to ``/play``, or a message in the channel."""

    @property
    def is_failure(self) -> bool:
        return self.of_track and bool(self.text) and not _GOES_WELL.match(self.text)


@dataclass
class Answers:
    """Everything that was shown to one member."""

    _shown: list[tuple[str, Shown]] = field(default_factory=list)
    _others: list[Answer] = field(default_factory=list)
    _messages: int = 0

    def follow(self, command: str, shown: Shown) -> None:
        """Record the answer to a command, and whatever it is edited to."""
        self._shown.append((command, shown))

    def note(self, at: float, text: str, *, of_track: bool = False) -> None:
        """Record what Discord's client told the member, and nobody else."""
        self._others.append(Answer(at, text, ephemeral=True, of_track=of_track))

    def read_channel(self, messages: Sequence[Mapping[str, Any]], now: float) -> None:
        """Record the messages that have come since the last look."""
        for message in messages[self._messages :]:
            # A message with parts shows the player; one of plain text tells something.
            self._others.append(Answer(now, text_of(message), of_track=not message.get("components")))
        self._messages = len(messages)

    @property
    def all(self) -> list[Answer]:
        """In the order of time."""
        edits = [
            Answer(version.at, text_of(version.payload), message.ephemeral, command == "play")
            for command, shown in self._shown
            for message in (shown.original, *shown.follow_ups)
            if message is not None
            for version in message.versions
        ]
        return sorted([*edits, *self._others], key=lambda answer: answer.at)

    @property
    def failure(self) -> str | None:
        """The last sentence that says why a track could not be played, or not to its end."""
        return next((answer.text for answer in reversed(self.all) if answer.is_failure), None)


def text_of(payload: Mapping[str, Any]) -> str:
    """The text of a message; of one made of components, theirs."""
    if payload.get("content"):
        return str(payload["content"])
    return "\n".join([*_texts(payload.get("embeds") or []), *_texts(payload.get("components") or [])])


def milliseconds_in(text: str) -> int | None:
    """The first clock time (``0:07``, ``1:02:03``) in a text."""
    found = _CLOCK_TIME.search(text)
    if found is None:
        return None
    hours, minutes, seconds = (int(number or 0) for number in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def _texts(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [str(part[name]) for part in parts for name in ("title", "description", "content") if part.get(name)]
    return told + [text for part in parts for text in _texts(part.get("components") or [])]
