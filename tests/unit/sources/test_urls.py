"""Which texts are URLs."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.urls import REDIRECT_LIMIT, checked_url, cleaned, host_and_port, redirected
from timmybot.ports.track_source import TrackError


@pytest.mark.parametrize(
    "text",
    [
        "",
        "never gonna give you up",
        "example.org/song.mp3",
        "ftp://example.org/song.mp3",
        "file:///etc/passwd",
        "concat:a|b",
        "http://",
        "http:///song.mp3",
        "http://[::1",
        "http://example.org:99999/song.mp3",
        "https://example.org/a\r\nHost: evil",
        "https://example.org/a b",
        "https://example.org/\u202e3pm",
        "https://" + "a." * 127 + "example/",
    ],
)
def test_a_text_that_is_no_web_address_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(TrackError, match=r"That is not a web address\. Give a direct link"):
        checked_url(text)


@pytest.mark.parametrize("text", ["https://name:word@example.org/x.mp3", "https://name@example.org/x.mp3"])
def test_credentials_in_a_url_are_refused(text: str) -> None:
    with pytest.raises(TrackError, match="holds a name or password"):
        checked_url(text)


def test_a_url_without_end_is_refused() -> None:
    with pytest.raises(TrackError, match="too long"):
        checked_url("https://example.org/" + "a" * 1_000)


def test_the_brackets_that_hide_a_preview_are_taken_off() -> None:
    assert cleaned(" <https://example.org/x.mp3>\n") == "https://example.org/x.mp3"


def test_host_and_port_are_what_is_connected_to() -> None:
    assert host_and_port(checked_url("https://example.org/x")) == ("example.org", 443)
    assert host_and_port(checked_url("http://[2606:4700::1111]:81/x")) == ("2606:4700::1111", 81)
    assert host_and_port(checked_url("http://bücher.example/x")) == ("xn--bcher-kva.example", 80)


HERE = checked_url("https://example.org/music/song.mp3")


def test_a_redirect_leads_to_where_it_says_from_where_it_is() -> None:
    assert redirected(HERE, "https://cdn.example/x").url == "https://cdn.example/x"
    assert redirected(HERE, "//cdn.example/x").url == "https://cdn.example/x"
    assert redirected(HERE, "/x?y").url == "https://example.org/x?y"
    assert redirected(HERE, "other.mp3").url == "https://example.org/music/other.mp3"


def test_a_redirect_may_lead_to_a_longer_address_than_a_member_may_give() -> None:
    signed = "https://cdn.example/song.mp3?signature=" + "x" * 2_000

    assert redirected(HERE, signed).url == signed
    with pytest.raises(TrackError, match="too long"):
        checked_url(signed)


def test_a_redirect_without_end_is_refused_as_the_servers_doing() -> None:
    with pytest.raises(TrackError, match="leads on to one of more than 8,192 characters"):
        redirected(HERE, "/" + "a" * REDIRECT_LIMIT)


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "//[x]/",
        "http://[::1",
        "file:///etc/passwd",
        "http://h:99999/",
        "/a\x9c",
        "/a\x00",
        "//" + "a." * 999,
    ],
)
def test_a_redirect_to_nonsense_is_named_as_one(location: str) -> None:
    with pytest.raises(TrackError, match="leads on to what is not a web address"):
        redirected(HERE, location)


def test_a_redirect_with_a_password_is_refused() -> None:
    with pytest.raises(TrackError, match="holds a name or password"):
        redirected(HERE, "https://name:word@cdn.example/x")


@pytest.mark.parametrize("path", ["/Müsik.mp3", "/夜.mp3"])
def test_a_redirect_in_raw_utf_8_leads_to_what_was_meant(path: str) -> None:
    """Headers come to us as Latin-1, in which these hold control characters."""
    as_read = path.encode().decode("latin-1")

    assert redirected(HERE, as_read).url == checked_url("https://example.org" + path).url


def test_a_redirect_in_latin_1_leads_there_too() -> None:
    assert redirected(HERE, "/Müsik.mp3").url == checked_url("https://example.org/Müsik.mp3").url


ESCAPED = {
    "/My Song.mp3": "/My%20Song.mp3",
    "/100%.mp3": "/100%.mp3",
    "/50%zz%4.mp3": "/50%zz%4.mp3",
    "/a%2bb+c.mp3?x=%2b+%7e": "/a%2bb+c.mp3?x=%2b+%7e",
    "/%e5%a4%9c.mp3": "/%e5%a4%9c.mp3",
    "/夜.mp3?夜": "/%E5%A4%9C.mp3?%E5%A4%9C",
    "/a\"<>`{}^|'[]b.mp3": "/a%22%3C%3E%60%7B%7D%5E|'[]b.mp3",
    "/x?a\"<>`{}^|'[]b": "/x?a%22%3C%3E`{}^|%27[]b",
    "/a\\b\\..\\c.mp3": "/a/c.mp3",
    "/a/./b/../c/%2e%2E/d.mp3": "/a/d.mp3",
    "/a/..": "/",
    "/../../a": "/a",
    "/a//b": "/a//b",
    "/x?": "/x?",
    "/x?a?b#c?d": "/x?a?b",
    "/x#y": "/x",
}


@pytest.mark.parametrize(("said", "asked"), ESCAPED.items())
def test_a_redirect_leads_to_the_address_that_a_browser_would_ask_for(said: str, asked: str) -> None:
    """Nothing that is escaped is escaped again, or otherwise: signatures are made over the text as it is."""
    url = redirected(HERE, said)

    assert url.request_uri == asked
    assert url.url == "https://example.org" + asked


@pytest.mark.parametrize("said", [said for said in ESCAPED if not {" ", "\\"} & set(said)])
def test_a_link_leads_there_too(said: str) -> None:
    assert checked_url("https://example.org" + said).request_uri == ESCAPED[said]


@pytest.mark.parametrize(
    ("said", "led_to"),
    [
        (" \t/a\tb \r\n", "https://example.org/ab"),
        ("\\\\cdn.example\\x", "https://cdn.example/x"),
        ("https:\\\\cdn.example/x", "https://cdn.example/x"),
        ("http:/cdn.example/x", "http://cdn.example/x"),
        ("https:x.mp3", "https://example.org/music/x.mp3"),
        ("HTTPS://CDN.example:443", "https://cdn.example/"),
        ("http://cdn.example:443/x", "http://cdn.example:443/x"),
        ("https://cdn.example:/x", "https://cdn.example/x"),
        ("https://cdn.example?x", "https://cdn.example/?x"),
        ("https://straße.example/x", "https://xn--strae-oqa.example/x"),
        ("http://0x7f.1/x", "http://127.0.0.1/x"),
        ("?part=2", "https://example.org/music/song.mp3?part=2"),
        ("", "https://example.org/music/song.mp3"),
        ("#top", "https://example.org/music/song.mp3"),
        ("../x", "https://example.org/x"),
        ("/👩\u200d👧.mp3", "https://example.org/%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7.mp3"),
    ],
)
def test_a_redirect_is_read_as_a_browser_reads_it(said: str, led_to: str) -> None:
    assert redirected(HERE, said.encode().decode("latin-1")).url == led_to


def test_a_redirect_within_a_server_keeps_its_port() -> None:
    assert redirected(checked_url("http://example.org:8000/;"), "/x").url == "http://example.org:8000/x"


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org:0/x",
        "https://example.org:65536/x",
        "https://example.org:" + "9" * 900 + "/x",
        "https://example.org:8x/x",
        "https://exa mple.org/x",
        "https://[::1]8/x",
        "https://a]/x",
        "https:///x",
        "https:\\\\example.org/x",
    ],
)
def test_a_link_with_a_host_or_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(TrackError, match="not a web address"):
        checked_url(text)


@pytest.mark.parametrize("said", ["https://@cdn.example/", "//a@b@cdn.example/", "https://example.org\\@cdn.example/"])
def test_what_stands_before_an_at_is_no_host(said: str) -> None:
    """But for a backslash, which ends the host: what follows it is a path."""
    if "\\" in said:
        assert redirected(HERE, said).url == "https://example.org/@cdn.example/"
    else:
        with pytest.raises(TrackError, match="holds a name or password"):
            redirected(HERE, said)


def test_an_address_that_grows_too_long_when_it_is_escaped_is_refused() -> None:
    with pytest.raises(TrackError, match="leads on to one of more than 8,192 characters"):
        redirected(HERE, "/" + " " * 3_000 + "x")
