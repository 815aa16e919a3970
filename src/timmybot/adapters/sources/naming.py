"""What a file is called, by whoever knows best: its own tags, the server, the link.

What strangers wrote is made printable, is bounded, and is passed over where it says nothing: ``uc``, ``file``,
``download``, ``;``, a hash.

Sources: RFC 6266 and 8187 (``Content-Disposition``), RFC 2047 (encoded words, which some servers put there); SHOUTcast
and Icecast (``icy-name``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from timmybot.adapters.sources.urls import as_meant
from timmybot.domain.track import TITLE_LIMIT

_ZERO_WIDTH_JOINER: Final = "\u200d"  # holds emoji together; the other format characters reorder or hide text
_MOST_READ: Final = 2_048
"""Characters of a header or an address. A name is far shorter."""
_PARAMETER: Final = re.compile(r';\s*(filename\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s][^;]*))', re.IGNORECASE)
_EXTENSION: Final = re.compile(
    r"(?<=.)\.(?:mp[1234]|m4[abv]|aac|og[agv]|opus|flac|wave?|w64|aiff?|caf|mk[av]|web[am]|mov|3gp|php|aspx?|jsp|html?)$",
    re.IGNORECASE,
)
_HASH: Final = re.compile(r"[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COUNTED: Final = re.compile(r"[ _(-]*[0-9]*\)?$")
_SIGNS: Final = re.compile(r"[ -/:-@\[-`{-~]*")
_SAYS_NOTHING: Final = frozenset(
    (
        *("", "uc", "file", "files", "download", "downloads", "dl", "get", "open", "view", "raw", "media", "audio"),
        *("stream", "listen", "live", "play", "index", "default", "attachment", "content", "data", "blob", "mp3"),
        *("untitled", "unnamed", "unknown", "no name", "unspecified name", "this is my server name"),
    )
)
"""Of files that servers make up a name for, and of stations that were never given one."""


@dataclass(frozen=True)
class Told:
    """What the server said of a file's name; empty where it said nothing."""

    file: str = ""
    """By ``Content-Disposition``."""
    station: str = ""
    """By ``icy-name``."""


NOTHING_TOLD: Final = Told()


def told_by(headers: Mapping[str, str]) -> Told:
    """What an answer's headers say, as far as it says something."""
    station = printable(as_meant(_header(headers, "icy-name")))
    return Told(_telling(_file_name(_header(headers, "Content-Disposition"))), _telling(station))


def title_of(metadata: Mapping[str, str], link: str, led_to: str = "", told: Told = NOTHING_TOLD) -> str:
    """The title in the file, with its artist; else the name that the server told; else that in the ``link`` that the
    member gave, or in the address which that ``led_to``; else the link's host. Never empty."""
    tags = {name.lower(): printable(value) for name, value in metadata.items()}
    title, artist = tags.get("title", ""), tags.get("artist", "")
    title = f"{artist} – {title}" if title and artist else title
    names = (told.file, told.station, _telling(_last_part(link)), _telling(_last_part(led_to)), urlsplit(link).netloc)
    return (title or next(name for name in names if name))[:TITLE_LIMIT]


def printable(text: str) -> str:
    """``text`` on one line, without control and format characters."""
    kept = (" " if c.isspace() else c for c in text)
    visible = "".join(c for c in kept if c == _ZERO_WIDTH_JOINER or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "")[:_MOST_READ]


def _telling(name: str) -> str:
    """``name`` if it says something, else nothing."""
    plain = name.casefold()
    says_nothing = plain in _SAYS_NOTHING or (_COUNTED.sub("", plain) or plain) in _SAYS_NOTHING
    says_nothing = says_nothing or _SIGNS.fullmatch(name) is not None or _HASH.fullmatch(name) is not None
    return "" if says_nothing else name


def _last_part(address: str) -> str:
    return _stem(unquote(urlsplit(address[:_MOST_READ]).path))


def _stem(path: str) -> str:
    """The last part of ``path``, whichever system's separators it has, without its extension."""
    return _EXTENSION.sub("", printable(re.split(r"[/\\]", path)[-1]))


def _file_name(disposition: str) -> str:
    """``filename*`` rather than ``filename`` (RFC 6266, 4.3)."""
    found = {
        name.lower(): (quoted, bare) for name, quoted, bare in _PARAMETER.findall(";" + disposition.partition(";")[2])
    }
    name = _extended(*found.get("filename*", ("", "")))
    if not name:
        quoted, bare = found.get("filename", ("", ""))
        name = _plain((re.sub(r"\\(.)", r"\1", quoted) if _is_escaped(quoted) else quoted) or bare.strip())
    return _stem(name)


def _is_escaped(quoted: str) -> bool:
    """Whether backslashes escape in it, as they should; in others they part folders (``C:\\Music\\a.mp3``)."""
    return re.fullmatch(r'(?:[^\\]|\\["\\])*', quoted) is not None


def _extended(quoted: str, bare: str) -> str:
    """``UTF-8'en'%e2%82%ac.mp3`` (RFC 8187); some servers put it into quotes."""
    charset, _, rest = (quoted or bare).strip().partition("'")
    encoding = charset.lower() if charset.lower() in {"utf-8", "iso-8859-1"} else ""
    try:
        return unquote_to_bytes(rest.partition("'")[2]).decode(encoding) if encoding else ""
    except UnicodeDecodeError:
        return ""


def _plain(name: str) -> str:
    """What should be ASCII alone, in all the ways in which servers put more into it."""
    name = as_meant(name)
    try:
        if "=?" in name:
            return str(make_header(decode_header(name)))
        return unquote(name, errors="strict") if "%" in name else name
    except (HeaderParseError, LookupError, ValueError):  # in a code that nobody knows, or that it does not keep
        return name
