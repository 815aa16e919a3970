"""Whatever a server leads on to becomes an address that a request can hold, or one sentence."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from timmybot.adapters.sources.naming import printable, title_of, told_by
from timmybot.adapters.sources.urls import HOST_LIMIT, REDIRECT_LIMIT, checked_url, host_and_port, redirected
from timmybot.domain.track import TITLE_LIMIT
from timmybot.ports.track_source import TrackError

HERE = checked_url("https://example.org/music/song.mp3?x=1")
PIECES = [
    "http:",
    "https:",
    "//",
    "\\",
    "..",
    "%2e",
    "%2b",
    "%",
    "@",
    "[::1]",
    "0x7f",
    "127.1",
    "ß",
    "夜",
    "。",
    "xn--",
]
PIECES += ["\u200d", "\u00ad", "\u202e", ":80", ":0", "?", "#", " ", "\t", "\x00", "example.org"]
ADDRESSES = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from([*PIECES, *string.printable]), max_size=12).map("".join)
)


@given(ADDRESSES)
def test_an_address_that_is_taken_is_written_for_a_request_and_means_itself(text: str) -> None:
    try:
        url = redirected(HERE, text)
    except TrackError:
        return
    host, port = host_and_port(url)

    assert 0 < len(host) <= HOST_LIMIT
    assert 0 < port < 2**16
    assert url.url.isascii()
    assert url.url.isprintable()
    assert not set(url.url) & set(' "<>\\#')
    assert url.auth is None
    assert len(url.url) <= REDIRECT_LIMIT
    assert redirected(HERE, url.url) == url, "written once, it is read as it stands"


@given(st.text(max_size=200), st.text(max_size=200), ADDRESSES)
def test_a_name_is_one_printable_line_whatever_the_server_tells(disposition: str, station: str, path: str) -> None:
    told = told_by({"Content-Disposition": f"attachment; {disposition}", "icy-name": station})
    title = title_of({}, "https://example.org/" + path.replace("[", "").replace("]", ""), "", told)

    assert 0 < len(title) <= TITLE_LIMIT
    assert printable(title) == title.strip()
