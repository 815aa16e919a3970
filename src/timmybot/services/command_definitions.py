"""The slash commands, as they are registered with Discord.

Source: Discord, Application Commands, "Application Command Object". ``contexts: [0]`` shows them in guilds alone.
"""

from __future__ import annotations

from typing import Any

from timmybot.domain.guild_state import Loop

_STRING, _INTEGER, _BOOLEAN = 3, 4, 5
_IN_GUILDS = [0]


def _command(name: str, description: str, *options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "type": 1,
        "contexts": _IN_GUILDS,
        "options": list(options),
    }


def _number(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "description": description, "type": _INTEGER, "required": required, "min_value": 1}


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
        {
            "name": "mode",
            "description": "What to repeat",
            "type": _STRING,
            "required": True,
            "choices": [{"name": loop.value, "value": loop.value} for loop in Loop],
        },
    ),
    _command("undo", "Take back the last remove, clear, shuffle or stop"),
]
