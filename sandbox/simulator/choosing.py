"""What members choose for their guild, as they understand it: the settings' part of the sequential model.

Like the rest of the model, this is said a second time and shares nothing with the shipped domain. Values are the words
in which members give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from sandbox.simulator.plan import DJS, EVERYONE, Command, Rank

_RANGES = {"volume": (0, 200), "speed": (50, 200), "loudness": (-30, -8), "leave_after": (0, 1_440)}
_FILTERS = {"none": "No filter", "bass": "More bass", "nightcore": "Nightcore", "slowed": "Slowed"}
_MANAGED = ("loudness", "leave_after", "dj")
_SETTINGS = ("volume", "speed", "filter", *_MANAGED)


@dataclass(frozen=True, repr=False)
class Chosen:
    """A guild's settings."""

    volume: str = "100"
    speed: str = "100"
    filter: str = "none"
    loudness: str = "-16"
    leave_after: str = "5"
    dj: str = EVERYONE

    def __repr__(self) -> str:
        """What is not as it is for everybody."""
        differing = (each.name for each in fields(self) if getattr(self, each.name) != each.default)
        return ", ".join(f"{name} {getattr(self, name)}" for name in differing) or "nothing"


NOTHING_CHOSEN = Chosen()


def setting_of(command: Command) -> str | None:
    """The setting that the command is about: the last word of its name."""
    setting = command.name.split()[-1]
    return setting if setting in _SETTINGS else None


def asks(command: Command) -> bool:
    """Whether it changes nothing, and asks what is chosen."""
    return setting_of(command) not in (None, "filter") and not command.value


def is_offered(command: Command) -> bool:
    """Whether the setting can have that value."""
    setting, value = setting_of(command), command.value
    if setting == "filter":
        return value in _FILTERS
    if setting == "dj":
        return value in (DJS, EVERYONE)
    if setting == "loudness" and value == "off":
        return True
    low, high = _RANGES[setting or ""]
    return re.fullmatch(r"-?\d+", value) is not None and low <= int(value) <= high


def is_permitted(chosen: Chosen, command: Command) -> bool:
    """Whether the member may change what the command changes."""
    if command.rank is Rank.MANAGER:
        return True
    return setting_of(command) not in _MANAGED and (chosen.dj == EVERYONE or command.rank is Rank.DJ)


def choose(chosen: Chosen, command: Command) -> Chosen | None:
    """The settings after the command; ``None`` if they cannot become so."""
    setting = setting_of(command)
    if setting is None or asks(command) or not is_offered(command):
        return None
    return replace(chosen, **{setting: command.value})


def words(chosen: Chosen, command: Command) -> str:
    """What the answer must look like when ``chosen`` is what it leaves, or finds."""
    match setting_of(command):
        case "volume" | "speed" as setting:
            since = r"\." if asks(command) else r" from now on\."
            return rf"The {setting} is {getattr(chosen, setting)} %{since}"
        case "filter":
            return _FILTERS[chosen.filter]
        case _:
            return _all_of(chosen)


def _all_of(chosen: Chosen) -> str:
    loudness = "as it is" if chosen.loudness == "off" else rf"brought to {chosen.loudness} LUFS"
    alone = "never" if chosen.leave_after == "0" else rf"after {chosen.leave_after} minutes?\b"
    dj = EVERYONE if chosen.dj == EVERYONE else f"<@&{chosen.dj}>"
    return (
        rf"Volume: {chosen.volume} %.*\nSpeed: {chosen.speed} %.*\nFilter: {chosen.filter}\b.*\n"
        rf".*: {loudness}.*\n.*: {alone}.*\n.*: {dj}"
    )
