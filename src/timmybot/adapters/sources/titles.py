"""What a track is called: by its tags, else by its address."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from timmybot.domain.track import TITLE_LIMIT

_ZERO_WIDTH_JOINER = "\u200d"  # holds emoji together; the other format characters reorder or hide text


def title_of(title: str, artist: str, url: str) -> str:
    """The title in the file, with its artist, else the file's name, else the host's; never empty."""
    title, artist = printable(title), printable(artist)
    parts = urlsplit(url)
    title = f"{artist} – {title}" if title and artist else title
    title = title or printable(PurePosixPath(unquote(parts.path)).stem) or parts.netloc
    return title[:TITLE_LIMIT]


def printable(text: str) -> str:
    """``text`` on one line, without control and format characters."""
    kept = (" " if c.isspace() else c for c in text)
    visible = "".join(c for c in kept if c == _ZERO_WIDTH_JOINER or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())
