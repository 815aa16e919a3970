"""How tracks and times are written in a message. Titles are hostile input: nothing in one may look like ours."""

from __future__ import annotations

import re

from timmybot.domain.track import Track

_MARKDOWN = re.compile(r"([\\*_~`|>\[\]()#@<:-])")
_SHOWN = 80


def clock_time(milliseconds: int) -> str:
    """``0:07``, ``12:34``, ``1:02:03``."""
    minutes, seconds = divmod(max(milliseconds, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def named(track: Track) -> str:
    """The track's name in bold with its duration, safe to put into a message."""
    if not track.resolved:
        return f"<{track.url}>"
    name = " ".join(track.name.split())
    shown = name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
    length = "" if track.duration_ms is None else f" ({clock_time(track.duration_ms)})"
    return f"**{escaped(shown)}**{length}"


def escaped(text: str) -> str:
    """The text with every character that Discord's Markdown or mentions could take up made literal."""
    return _MARKDOWN.sub(r"\\\1", text)
