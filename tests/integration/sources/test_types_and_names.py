"""What servers say about a file, its type and its name, and what is believed of it."""

from __future__ import annotations

import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content, endless, raw, redirect
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.kinds import what_it_is
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError


@pytest.mark.parametrize(
    "kind", ["text/plain; charset=utf-8", "text/x-matlab", "application/json", "image/png", "x/xml"]
)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
@pytest.mark.parametrize("format", Format)
async def test_sound_of_a_wrong_type_plays(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    recorded: Recorded,
    format: Format,
    kind: str,
    ranges: bool,
) -> None:
    """nginx without ``default_type`` calls everything text/plain that its table of types does not name."""
    url = server.serve("/song", content(recorded(format), kind, ranges=ranges))

    track = await source.resolve(url)
    heard = drain(source.open(Track(url), position_ms=0), filling)

    assert track.duration_ms == pytest.approx(16_000, abs=200)
    assert len(heard) * 20 == pytest.approx(16_000, abs=200)


async def test_the_first_bytes_are_not_asked_for_twice(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    await source.resolve(server.serve("/song", content(recorded(Format.MP3), "audio/mpeg")))
    asked_for_sound = [asked for _, asked in server.requests]
    server.requests.clear()

    await source.resolve(server.serve("/song", content(recorded(Format.MP3), "text/plain")))
    assert [asked for _, asked in server.requests] == asked_for_sound


async def test_a_station_of_a_wrong_type_plays(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    url = server.serve("/radio", endless(recorded(Format.MP3), "text/plain"))

    track = await source.resolve(url)
    assert len(drain(source.open(track, position_ms=0), filling, limit=500)) == 500


PAGE = b"\n<!DOCTYPE html><title>Not a song</title>"
REFUSED = {
    "a page": (PAGE, "text/plain", "it is a web page (text/plain)"),
    "a page with a mark of UTF-8": (b"\xef\xbb\xbf<html>" + bytes(50), "text/plain", "it is a web page"),
    "an M3U": (b"#EXTM3U\n#EXTINF:10,\nsong.mp3\n", "text/plain", "it is a playlist (text/plain)"),
    "an M3U without its first line": (b"https://example.org/song.mp3\n", "text/plain", "it is a playlist"),
    "a PLS": (b"[playlist]\nFile1=http://example.org/;\n", "text/plain", "it is a playlist"),
    "an XSPF": (b'<?xml version="1.0"?>\n<playlist version="1">', "text/xml", "it is a playlist"),
    "a DASH manifest": (b"<MPD>", "application/xml", "it is a playlist"),
    "a concat script": (b"ffconcat version 1.0\nfile /etc/passwd\n", "text/plain", "it is a playlist"),
    "a text": ("Nur Text, in Füßen".encode(), "text/plain", "it is something else (text/plain)"),
    "a text in Latin-1": ("Nur Text, in Füßen".encode("latin-1"), "text/plain", "it is something else"),
    "JSON": (b'{"error": "no such song"}', "application/json", "it is something else (application/json)"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), "image/png", "it is a picture (image/png)"),
    "a drawing": (b"<svg>", "image/svg+xml", "it is a picture"),
    "noise": (bytes(range(256)) * 100, "text/plain", "no audio at that address that I can play"),
    "sound called a page": (b"ID3", "text/html", "it is a web page (text/html)"),
    "sound called a list": (b"ID3", "audio/x-mpegurl", "it is a playlist (audio/x-mpegurl)"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "plain"])
async def test_what_is_no_sound_is_named_by_what_it_is(
    source: HttpTrackSource, server: MediaServer, name: str, ranges: bool
) -> None:
    data, kind, sentence = REFUSED[name]

    with pytest.raises(TrackError) as told:
        await source.resolve(server.serve("/song", content(data, kind, ranges=ranges)))
    assert sentence in str(told.value)


async def test_a_text_without_a_length_is_named_too(source: HttpTrackSource, server: MediaServer) -> None:
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"

    with pytest.raises(TrackError, match="it is something else"):
        await source.resolve(server.serve("/song", raw(answer + b"Nothing here.")))


@pytest.mark.parametrize(
    "first", [b"fLaC\0\0\0\x22", b"OggS\0\x02", b"RIFF\x24\0\0\0WAVEfmt ", b"\xff\xf1\x50\x80\x01\x1f"]
)
def test_the_first_bytes_of_sound_are_taken_for_none_of_that(first: bytes) -> None:
    assert what_it_is(first) == ""


def named(data: bytes, **headers: str) -> Behaviour:
    def behave(request: Handler) -> None:
        request.begin(200, Content_Length=str(len(data)), **headers)
        request.wfile.write(data)

    return behave


async def test_a_download_is_called_by_the_name_that_its_server_tells(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    """As Google Drive and Dropbox do it: over a redirect, to an address that says nothing."""
    name = "attachment; filename=\"M_sik.aac\"; filename*=UTF-8''M%C3%BCsik%20am%20Abend.aac"
    server.serve("/0123456789abcdef0123456789abcdef", named(recorded(Format.AAC), Content_Disposition=name))
    url = server.serve("/uc?export=download&id=7", redirect("/0123456789abcdef0123456789abcdef"))

    assert (await source.resolve(url)).title == "Müsik am Abend"


async def test_a_link_that_leads_to_a_hash_is_called_by_itself(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    server.serve("/0123456789abcdef0123456789abcdef.aac", content(recorded(Format.AAC)))
    url = server.serve("/Evening%20Song.aac", redirect("/0123456789abcdef0123456789abcdef.aac"))

    assert (await source.resolve(url)).title == "Evening Song"


async def test_a_station_is_called_by_its_name(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    def station(request: Handler) -> None:
        request.begin(200, Content_Type="audio/aac", icy_name="Radio Evening")
        request.wfile.write(recorded(Format.AAC))

    assert (await source.resolve(server.serve("/;", station))).title == "Radio Evening"


async def test_a_redirect_with_a_space_in_it_is_followed(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    server.serve("/My%20100%%20Song%2b.aac", content(recorded(Format.AAC)))
    url = server.serve("/a", redirect("/My 100% Song%2b.aac"))

    assert (await source.resolve(url)).title == "a"
    assert [path for path, _ in server.requests][:2] == ["/a", "/My%20100%%20Song%2b.aac"]
