"""What a member does while listening, as ``--do`` names it: ``"pause@5 resume@7 volume=50@10 restart@12"``.

Each action is ``name[=value]@seconds``. Its name is that of a slash command, read from the bot's own definitions: a
command that is added to the bot is an action at once. ``restart`` is done to the bot's process. The value gives the
command's options as a member types them: ``volume=50``, ``skip=to:2``, ``move=1,3``.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord import typed_command
from sandbox.discord.commands import NotOffered, fill_in
from timmybot.services.command_definitions import DEFINITIONS

RESTART = "restart"
WAYS_TO_RESTART = ("stop", "kill")
"""SIGTERM, as ``systemctl restart`` does, or SIGKILL, as an accident does."""
MOST_SECONDS = 1_200.0
"""A member's ear keeps 20 minutes."""
BRING_SOUND = frozenset({"play", "previous", "undo"})
"""Commands that may bring sound where nothing plays and nothing waits."""


class Misused(Exception):
    """The command line makes no sense. ``str()`` says why."""


@dataclass(frozen=True)
class Action:
    """One thing that is done ``at_s`` seconds after the first sound."""

    name: str
    at_s: float
    options: Mapping[str, object] = field(default_factory=dict)
    """Of a slash command. For ``restart``: ``how`` is one of :data:`WAYS_TO_RESTART`."""

    @property
    def brings_sound(self) -> bool:
        return self.name.split()[0] in BRING_SOUND


def read_actions(text: str) -> list[Action]:
    """The actions in their order of time; of two at one time the one named first comes first. Raises
    :class:`Misused`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Misused(f"--do: {error}") from None
    return sorted((_action(word) for word in words), key=lambda action: action.at_s)


def seconds(text: str, what: str) -> float:
    """A number of seconds, 0 to :data:`MOST_SECONDS`. Raises :class:`Misused`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= MOST_SECONDS:
        raise Misused(f"{what}: {text!r} is no number of seconds from 0 to {MOST_SECONDS:.0f}")
    return number


def _action(word: str) -> Action:
    what, at, time = word.rpartition("@")
    if not at:
        raise Misused(f"--do: {word!r} has no time; write {word}@SECONDS")
    at_s = seconds(time, f"--do {word}")
    name, _, value = what.partition("=")
    if name == RESTART:
        if value and value not in WAYS_TO_RESTART:
            raise Misused(f"--do {word}: restart is {' or '.join(WAYS_TO_RESTART)}")
        return Action(RESTART, at_s, {"how": value or WAYS_TO_RESTART[0]})
    registered: list[dict[str, Any]] = [{"id": "0", **definition} for definition in DEFINITIONS]
    if name not in {command["name"] for command in registered}:
        known = ", ".join(sorted([RESTART, *(str(command["name"]) for command in registered)]))
        raise Misused(f"--do {word}: there is no action {name!r}; there are: {known}")
    try:
        command, options = typed_command.read_words([name, *_words(value)], registered)
        fill_in(registered, command, options)
    except NotOffered as error:
        raise Misused(f"--do {word}: {error}") from None
    return Action(command, at_s, options)


def _words(value: str) -> list[str]:
    """Split at commas, up to the first word that is a link: those may have commas in them."""
    words: list[str] = []
    while value:
        word, _, rest = value.partition(",")
        if "://" in word:
            return [*words, value]
        words, value = [*words, word], rest
    return words
