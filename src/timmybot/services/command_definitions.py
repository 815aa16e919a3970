"""The slash commands, as they are registered with Discord.

Source: Discord, Application Commands, "Application Command Object". ``contexts: [0]`` shows them in guilds alone.
"""

from __future__ import annotations

from typing import Any

_STRING = 3
_IN_GUILDS = [0]


def _command(name: str, description: str, *options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "type": 1,
        "contexts": _IN_GUILDS,
        "options": list(options),
    }


DEFINITIONS = [
    _command(
        "play",
        "Play a link in your voice channel, or queue it behind what is playing",
        {"name": "url", "description": "A direct link to an audio file", "type": _STRING, "required": True},
    ),
    _command("queue", "Show what plays and what waits"),
    _command("nowplaying", "Show what plays, and how far it is"),
    _command("skip", "Go on to the next track"),
    _command("pause", "Pause the music"),
    _command("resume", "Play on after a pause"),
    _command("stop", "Stop, clear the queue and leave"),
]
