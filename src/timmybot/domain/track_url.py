"""What counts as a link to play from. Whether the address may be *fetched* is the fetcher's to say."""

from __future__ import annotations

from urllib.parse import urlsplit

from timmybot.domain.errors import CommandRefused
from timmybot.domain.track import URL_LIMIT


class NotALink(CommandRefused):
    def __init__(self, why: str) -> None:
        super().__init__(f"I can't play that: {why}. Give a direct link, such as <https://example.org/song.ogg>.")


def checked_url(text: str) -> str:
    """The URL in ``text``, or :class:`NotALink` saying what is wrong with it."""
    url = text.strip().removeprefix("<").removesuffix(">")
    if "://" not in url and len(url.split()) > 1:  # somebody's words for a song
        raise NotALink("I play links, and do not search for words")
    if len(url) > URL_LIMIT:
        raise NotALink(f"the link is longer than {URL_LIMIT:,} characters")
    if any(character.isspace() or not character.isprintable() or character in '<>"\\' for character in url):
        raise NotALink("a link has no spaces or brackets in it")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise NotALink("the address in it makes no sense") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise NotALink("it is not a link that starts with http:// or https://")
    if parts.username or parts.password:
        raise NotALink("a link must not hold a user name or a password")
    return url
