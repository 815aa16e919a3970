"""The slash commands, as they are registered with Discord.

Source: Discord, Application Commands, "Application Command Object". ``contexts: [0]`` shows them in guilds alone, and
``integration_types: [0]`` in those alone to which the bot was invited: a member who brings the application along finds
no bot there to play.
"""

from __future__ import annotations

from typing import Any

from timmybot.domain.guild_settings import MOST_ALONE_MINUTES
from timmybot.domain.guild_state import Loop
from timmybot.domain.sound import MOST_VOLUME_PERCENT, SPEEDS_PERCENT, Effect

_STRING, _INTEGER, _BOOLEAN, _ROLE = 3, 4, 5, 8
_IN_GUILDS = [0]
_OF_GUILDS = [0]


def _command(name: str, description: str, *options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "type": 1,
        "contexts": _IN_GUILDS,
        "integration_types": _OF_GUILDS,
        "options": list(options),
    }


def _number(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "description": description, "type": _INTEGER, "required": required, "min_value": 1}


def _range(name: str, description: str, low: int, high: int) -> dict[str, Any]:
    return _number(name, description) | {"min_value": low, "max_value": high}


def _choice(name: str, description: str, values: dict[str, str], *, required: bool) -> dict[str, Any]:
    """``values`` by what a member sees."""
    choices = [{"name": shown, "value": value} for shown, value in values.items()]
    return {"name": name, "description": description, "type": _STRING, "required": required, "choices": choices}


_LOUDNESS = {
    "off: each track as loud as it is": "off",
    "quiet (-20 LUFS)": "-20",
    "normal (-16 LUFS)": "-16",
    "loud (-12 LUFS)": "-12",
}

DEFINITIONS = [
    _command(
        "play",
        "Play a link in your voice channel, or queue it behind what is playing",
        {"name": "url", "description": "A direct link to an audio file", "type": _STRING, "required": True},
        {"name": "next", "description": "Play it before everything that waits", "type": _BOOLEAN, "required": False},
    ),
    _command("queue", "Show what plays and what waits", _number("page", "Which ten of those that wait")),
    _command("nowplaying", "Show what plays, and how far it is"),
    _command("history", "Show what was played last"),
    _command("skip", "Go on to the next track", _number("to", "The number in the queue to go on to")),
    _command("previous", "Go back to the track before"),
    _command("pause", "Pause the music"),
    _command("resume", "Play on after a pause"),
    _command("stop", "Stop, clear the queue and leave"),
    _command("remove", "Take a track out of the queue", _number("position", "Its number in the queue", required=True)),
    _command(
        "move",
        "Give a track another place in the queue",
        _number("position", "Its number in the queue", required=True),
        _number("to", "The number it shall have", required=True),
    ),
    _command("shuffle", "Throw the queue into a random order"),
    _command("clear", "Take everything out that waits; what plays goes on"),
    _command(
        "loop",
        "Repeat this track or the whole queue, or stop repeating",
        _choice("mode", "What to repeat", {loop.value: loop.value for loop in Loop}, required=True),
    ),
    _command("undo", "Take back the last remove, clear, shuffle or stop"),
    _command(
        "volume",
        "Show or set the volume",
        _range("percent", "As it is heard: 50 is half as loud", 0, MOST_VOLUME_PERCENT),
    ),
    _command(
        "speed",
        "Show or set the speed, without a change of pitch",
        _range("percent", "100 is as it was", *SPEEDS_PERCENT),
    ),
    _command(
        "filter",
        "Change how it sounds",
        _choice("name", "Which filter", {effect.value: effect.value for effect in Effect}, required=True),
    ),
    _command(
        "settings",
        "Show this server's settings, or change them if you may manage the server",
        _choice("loudness", "How loud each track is to be, so that all are alike", _LOUDNESS, required=False),
        _range("leave_after", "Minutes that I stay where nobody listens; 0: for ever", 0, MOST_ALONE_MINUTES),
        {
            "name": "dj",
            "description": "Who alone may change what plays and waits; @everyone: all may",
            "type": _ROLE,
            "required": False,
        },
    ),
]
