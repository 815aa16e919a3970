"""Which texts are URLs that may be asked for."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from timmybot.domain.track import URL_LIMIT
from timmybot.ports.track_source import TrackError

HOST_LIMIT: Final = 253
"""Characters. Source: RFC 1035, 2.3.4, without the bytes that only DNS itself needs. A host is named to the member."""

REDIRECT_LIMIT: Final = 8 * 1024
"""Characters of an address that a server leads on to. Nobody keeps it, so it may be longer than one that a member
gives: signed ones of content networks are. Many servers take no longer line."""


def cleaned(text: str) -> str:
    """What a member wrote, without what is around it: ``<…>`` is Discord's way to write a link without preview."""
    return text.strip().removeprefix("<").removesuffix(">")


def checked_url(text: str) -> Url:
    """``text`` as a URL. Raises :class:`TrackError` for what is none, or one that we do not ask for."""
    if len(text) > URL_LIMIT:
        raise TrackError(f"That address is too long: I take {URL_LIMIT:,} characters at most.")
    return _checked(text, "That is not a web address. Give a direct link to an audio file, starting with https://.")


def redirected(url: Url, location: str) -> Url:
    """Where ``url`` leads on to by a ``Location`` header. Raises :class:`TrackError` like :func:`checked_url`."""
    try:
        text = urljoin(url.url, _as_meant(location))
    except ValueError:
        text = ""
    if len(text) > REDIRECT_LIMIT:
        raise TrackError(f"That address leads on to one of more than {REDIRECT_LIMIT:,} characters. Try another link.")
    return _checked(text, "That address leads on to what is not a web address. Give a direct link to an audio file.")


def host_and_port(url: Url) -> tuple[str, int]:
    assert url.host is not None
    return url.host.strip("[]"), url.port or (443 if url.scheme == "https" else 80)


def _as_meant(header: str) -> str:
    """Headers are read as Latin-1, whatever they were written in; nowadays that is UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _checked(text: str, complaint: str) -> Url:
    url = _parsed(text)
    if url is None or url.scheme not in {"http", "https"} or not 0 < len(url.host or "") <= HOST_LIMIT:
        raise TrackError(complaint)
    if url.auth is not None:
        raise TrackError("That address holds a name or password. Give one that works without.")
    return url


def _parsed(text: str) -> Url | None:
    if any(c.isspace() or not c.isprintable() for c in text):
        return None
    try:
        parts = urlsplit(text)
        if not parts.netloc.isascii():
            # urllib3 would want the idna package for this.
            text = parts._replace(netloc=parts.netloc.encode("idna").decode()).geturl()
        return parse_url(text)
    except (HTTPError, ValueError):
        return None
