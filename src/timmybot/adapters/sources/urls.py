"""Which texts are web addresses that may be asked for, and how they are written in a request: as browsers do.

Escapes that are there stay as they are, a stray ``%`` too; what cannot stand in a request is escaped. A server which
signs its addresses, or has a ``+`` in a name, is asked for what the member or the redirect said.

Source: WHATWG, URL Standard, 4.4 (the basic URL parser), for the schemes http and https.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote_from_bytes

from urllib3.util import Url

from timmybot.adapters.sources.hosts import spelled
from timmybot.domain.track import URL_LIMIT
from timmybot.ports.track_source import TrackError

HOST_LIMIT: Final = 253
"""Characters. Source: RFC 1035, 2.3.4, without the bytes that only DNS itself needs. A host is named to the member."""

REDIRECT_LIMIT: Final = 8 * 1024
"""Characters of an address that a server leads on to. Nobody keeps it, so it may be longer than one that a member
gives: signed ones of content networks are. Many servers take no longer line."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PARTS: Final = re.compile(r"([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_PATH_SAFE: Final = "%!$&'()*+,-./:;=@[]_~|\\"
_QUERY_SAFE: Final = "%!$&()*+,-./:;=?@[]^_`{}|~\\"
"""Source: WHATWG, URL Standard, 1.3 (the path and special-query percent-encode sets). ``%`` is in neither."""
_DOT: Final = r"(?:\.|%2[eE])"
_HERE: Final = re.compile(_DOT)
_UP: Final = re.compile(_DOT + _DOT)


def cleaned(text: str) -> str:
    """What a member wrote, without what is around it: ``<…>`` is Discord's way to write a link without preview."""
    return text.strip().removeprefix("<").removesuffix(">")


def checked_url(text: str) -> Url:
    """``text`` as a URL. Raises :class:`TrackError` for what is none, or one that we do not ask for."""
    if len(text) > URL_LIMIT:
        raise TrackError(f"That address is too long: I take {URL_LIMIT:,} characters at most.")
    complaint = "That is not a web address. Give a direct link to an audio file, starting with https://."
    if any(c.isspace() or not c.isprintable() for c in text) or not re.match(r"https?://[^/\\?#]", text, re.IGNORECASE):
        raise TrackError(complaint)
    return _checked(text, None, complaint)


def redirected(url: Url, location: str) -> Url:
    """Where ``url`` leads on to by a ``Location`` header. Raises :class:`TrackError` like :func:`checked_url`."""
    text = re.sub(r"[\t\r\n]", "", as_meant(location[: 4 * REDIRECT_LIMIT])).strip(" ")
    complaint = "That address leads on to what is not a web address. Give a direct link to an audio file."
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
        raise TrackError(complaint)
    too_long = TrackError(f"That address leads on to one of more than {REDIRECT_LIMIT:,} characters. Try another link.")
    if len(text) > REDIRECT_LIMIT:
        raise too_long
    led_to = _checked(text, url, complaint)
    if len(led_to.url) > REDIRECT_LIMIT:
        raise too_long
    return led_to


def host_and_port(url: Url) -> tuple[str, int]:
    assert url.host is not None
    assert url.scheme is not None
    return url.host.strip("[]"), _DEFAULT_PORTS[url.scheme] if url.port is None else url.port


def as_meant(header: str) -> str:
    """Headers are read as Latin-1, whatever they were written in; nowadays that is UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _checked(text: str, base: Url | None, complaint: str) -> Url:
    try:
        url = _parsed(text, base)
    except ValueError:
        raise TrackError(complaint) from None
    if url.auth is not None:
        raise TrackError("That address holds a name or password. Give one that works without.")
    return url


def _parsed(text: str, base: Url | None) -> Url:
    """Raises :class:`ValueError`. Without ``base``, ``text`` names scheme and host."""
    scheme, rest = _scheme_and_rest(text, base)
    found = _PARTS.fullmatch(rest)
    assert found is not None
    before, query = found[1].replace("\\", "/"), found[2]
    if base is None or scheme != base.scheme or before.startswith("//"):
        authority, slash, path = before.lstrip("/").partition("/")
        return _url(scheme, authority, slash + path, query)
    if not before:
        path, query = base.path or "/", query or (base.query and "?" + base.query)
    elif before.startswith("/"):
        path = before
    else:
        path = (base.path or "/").rpartition("/")[0] + "/" + before
    return Url(scheme, None, base.host, base.port, _path(path), _query(query))


def _scheme_and_rest(text: str, base: Url | None) -> tuple[str, str]:
    found = _SCHEME.fullmatch(text)
    if found is not None:
        scheme = found[1].lower()
        if scheme not in _DEFAULT_PORTS:
            raise ValueError("not on the web")
        return scheme, found[2]
    if base is None or base.scheme is None:
        raise ValueError("no scheme")
    return base.scheme, text


def _url(scheme: str, authority: str, path: str, query: str | None) -> Url:
    auth, at, host_port = authority.rpartition("@")
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", host_port)
    if found is None:
        raise ValueError("no host and port")
    host, port = spelled(found[1]), int(found[2]) if found[2] else None
    if len(host) > HOST_LIMIT or (port is not None and not 0 < port < 2**16):
        raise ValueError("no host, or no port")
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    return Url(scheme, auth if at else None, host, port, _path(path), _query(query))


def _path(text: str) -> str:
    """Escaped, and without ``.`` and ``..``."""
    kept: list[str] = []
    *before, last = text.split("/")[1:] or [""]
    for segment in (*before, last):
        if _UP.fullmatch(segment):
            del kept[-1:]
        elif not _HERE.fullmatch(segment):
            kept.append(segment)
    if _UP.fullmatch(last) or _HERE.fullmatch(last):
        kept.append("")
    return quote_from_bytes(("/" + "/".join(kept)).encode(), _PATH_SAFE)


def _query(text: str | None) -> str | None:
    return None if text is None else quote_from_bytes(text[1:].encode(), _QUERY_SAFE)
