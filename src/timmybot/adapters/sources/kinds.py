"""What an answer is besides sound, by its type and its first bytes.

Web pages and lists are refused by their type. Other types are not believed: a server without a table of types calls
everything ``text/plain``, and nginx does so with .flac, .opus, .wav and .aac. There the first bytes decide. What is
neither text nor a picture is looked at like any file.
"""

from __future__ import annotations

import re
from typing import Final

from timmybot.adapters.sources.fetch import HttpFile
from timmybot.ports.track_source import TrackError

_LOOKED_AT_BYTES: Final = 512
"""As many as browsers look at. Source: WHATWG, MIME Sniffing Standard, 5.2 (1,445 at most)."""
_PAGE: Final = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body|script|title|!--)", re.IGNORECASE)
_LIST: Final = re.compile(
    rb"\s*(?:#EXTM3U|\[playlist\]|ffconcat|https?://|<(?:\?xml[^>]*>\s*<)?(?:playlist|MPD)\b)", re.I
)
_PICTURE: Final = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF....WEBP|\s*<(?:\?xml[^>]*>\s*<)?svg\b", re.DOTALL)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text holds. Source: WHATWG, MIME Sniffing Standard, 3, "binary data byte"."""


def check_kind(file: HttpFile) -> None:
    """Raises :class:`TrackError` for what is no sound, saying what it is. Waits on the network."""
    answer = file.open()
    if answer.size == 0:
        raise TrackError("The file at that address is empty.")
    kind = answer.content_type
    if "html" in kind:
        what = "a web page"
    elif "mpegurl" in kind or kind.endswith(("scpls", "xspf+xml", "dash+xml")):
        what = "a playlist"
    elif kind.startswith(("text/", "image/")) or kind.endswith(("json", "xml")):
        what = what_it_is(_first_bytes(file))
    else:
        what = ""
    if what:
        raise TrackError(
            f"There is no audio at that address: it is {what} ({kind[:60]}). Give a direct link to an audio file."
        )


def what_it_is(first: bytes) -> str:
    """What begins with these bytes, for a sentence; empty if it may be sound."""
    first = first.removeprefix(b"\xef\xbb\xbf")
    if _PAGE.match(first):
        return "a web page"
    if _LIST.match(first):
        return "a playlist"
    if _PICTURE.match(first):
        return "a picture"
    return "" if _BINARY.search(first) else "something else"


def _first_bytes(file: HttpFile) -> bytes:
    """They are read again, not asked for again, by whoever reads the file next."""
    first = b""
    while len(first) < _LOOKED_AT_BYTES and (data := file.read(_LOOKED_AT_BYTES - len(first))):
        first += data
    if len(first) < _LOOKED_AT_BYTES:
        file.begin_anew()
    file.seek(0)
    return first
