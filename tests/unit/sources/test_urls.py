"""Which texts are URLs."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.urls import checked_url, cleaned, host_and_port
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
