"""What a web server's answer means: for the file, and in a sentence for the member."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass

import urllib3

from timmybot.ports.track_source import TrackError


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


def size_of(response: urllib3.HTTPResponse, *, partial: bool) -> int | None:
    """Of the whole file, in bytes."""
    if partial:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = response.headers.get("Content-Length", "")
    return int(total) if total.isascii() and total.isdigit() else None


def begin_of(response: urllib3.HTTPResponse) -> int:
    """Where the part that a 206 brings begins, in bytes."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else 0


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


def unreachable(host: str, trouble: Exception | None) -> str:
    if isinstance(trouble, urllib3.exceptions.SSLError | ssl.SSLError):
        return f"{host} has no valid certificate, so I do not trust what it sends."
    refused = isinstance(trouble, urllib3.exceptions.NewConnectionError)  # which urllib3 counts among time-outs
    if isinstance(trouble, urllib3.exceptions.TimeoutError | TimeoutError) and not refused:
        return f"{host} did not answer in time. Try again later."
    return f"{host} cannot be reached. Check the address and try again."


def refusal(status: int) -> str:
    if status in {404, 410}:
        return f"There is nothing at that address (the server says {status}). Check the link."
    if status in {401, 403}:
        return f"The server does not let me have that file ({status}). Give a link that needs no login."
    if status >= 500:
        return f"The server at that address has trouble of its own ({status}). Try again later."
    return f"The server at that address answered {status} instead of a file. Check the link."
