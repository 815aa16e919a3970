"""What a web server's answer says about the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

import urllib3

from timmybot.adapters.sources.naming import NOTHING_TOLD, Told
from timmybot.ports.track_source import TrackError

_NUMBER = "[0-9]{1,18}"
"""Of bytes. What is longer is no file's: Python would refuse to read some, and reads others in quadratic time."""

_BEGIN = re.compile(rf"bytes ({_NUMBER})-", re.IGNORECASE)


@dataclass(frozen=True)
class Opened:
    """What the first answer said about the file."""

    url: str
    """Where it was found in the end, after redirects."""
    content_type: str
    """In lower case, without parameters; empty if not said."""
    size: int | None
    """In bytes; ``None`` if not said: then nobody can tell how long it is, and it may be endless."""
    ranges: bool
    """Whether one may ask for a part of it."""
    station: bool
    """Whether it is broadcast as it happens: it has no beginning to go back to, and no end but trouble."""
    told: Told = NOTHING_TOLD
    """What it said of the file's name."""


def size_of(response: urllib3.HTTPResponse, *, partial: bool) -> int | None:
    """Of the whole file, in bytes."""
    if partial:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    elif "Transfer-Encoding" in response.headers:
        return None  # RFC 9112, 6.3: it overrides any length that is told besides
    else:
        total = response.headers.get("Content-Length", "")
    return int(total) if re.fullmatch(_NUMBER, total) else None


def begin_of(response: urllib3.HTTPResponse) -> int:
    """Where the part that a 206 brings begins, in bytes; 0 if it does not say."""
    found = _BEGIN.match(response.headers.get("Content-Range", ""))
    return int(found[1]) if found else 0


def says_where(response: urllib3.HTTPResponse) -> bool:
    """Whether a 206 says where its part begins, as it must (RFC 9110, 15.3.7)."""
    return _BEGIN.match(response.headers.get("Content-Range", "")) is not None


def is_station(response: urllib3.HTTPResponse) -> bool:
    """Radio servers (SHOUTcast, Icecast) tell of themselves in headers of their own."""
    return any(name.lower().startswith(("icy-", "ice-")) for name in response.headers)


def check_plain(response: urllib3.HTTPResponse) -> None:
    """Raises :class:`TrackError` for a body that is compressed although we asked for it as it is.

    To unpack it is never worth it: sound is compressed already, and a megabyte can be a gigabyte of zeros.
    """
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in {"", "identity"}:
        raise TrackError("The server at that address sends the file compressed, which I cannot play. Try another link.")
