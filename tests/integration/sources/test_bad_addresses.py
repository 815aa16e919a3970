"""What a member is told when there is nothing to play: one sentence that says what happened and what to do."""

from __future__ import annotations

import logging
import os
import re
import socket
import zlib

import pytest
import urllib3

from sandbox.recording import Format
from tests.fakes.reading import read
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.hearing import drain
from tests.integration.sources.media_server import (
    Behaviour,
    MediaServer,
    content,
    endless,
    hanging,
    raw,
    redirect,
    status,
)
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.track import Track
from timmybot.ports.track_source import Gap, TrackError

PAGE = b"<!doctype html><title>Not a song</title>"
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + b"\0\0\0\rIHDR"
    + b"\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0"
    + b"\0" * 4
    + zlib.compress(b"\0" * 99)
)

NO_AUDIO = "no audio at that address"

BAD: dict[str, tuple[Behaviour, str]] = {
    "a web page": (content(PAGE, "text/html; charset=utf-8"), r"it is a web page \(text/html\). Give a direct link"),
    "a web page called audio": (content(PAGE * 50, "audio/mpeg"), "no audio at that address"),
    "JSON": (content(b"{}", "application/json"), "it is something else"),
    "an HLS playlist": (content(PLAYLIST, "application/vnd.apple.mpegurl"), "it is a playlist"),
    "an HLS playlist called audio": (content(PLAYLIST, "audio/mpeg"), "no audio at that address"),
    "a concat script": (content(CONCAT, "audio/mpeg"), "no audio at that address"),
    "a picture called audio": (content(PNG, "audio/mpeg"), "no audio at that address"),
    "noise": (content(os.urandom(300_000)), "no audio at that address|damaged"),
    "zeros": (content(bytes(3_000_000)), "no audio at that address|damaged"),
    "an empty file": (content(b""), "is empty"),
    "an empty file without ranges": (content(b"", ranges=False), "is empty"),
    "404": (status(404), r"nothing at that address \(the server says 404\)"),
    "403": (status(403), "does not let me have that file"),
    "500": (status(500), r"trouble of its own \(500\)"),
    "418": (status(418), "answered 418 instead of a file"),
    "a redirect to itself": (redirect("/bad"), "leads on and on"),
    "a redirect to nonsense": (redirect("http://["), "leads on to what is not a web address"),
    "a redirect to a file": (redirect("file:///etc/passwd"), "not a web address"),
    "a size of 5,000 digits": (
        raw(b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/" + b"9" * 5_000 + b"\r\n\r\n"),
        NO_AUDIO,
    ),
    "an endless page": (endless(PAGE, "audio/mpeg"), "no audio at that address"),
    "endless zeros": (endless(bytes(65_536)), "no audio at that address|damaged"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_audio_is_named(source: HttpTrackSource, server: MediaServer, name: str) -> None:
    behaviour, sentence = BAD[name]
    url = server.serve("/bad", behaviour)

    with pytest.raises(TrackError, match=sentence):
        await source.resolve(url)


@pytest.mark.parametrize("name", BAD)
def test_what_was_audio_and_is_no_more_ends_the_stream_with_the_reason(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, name: str
) -> None:
    behaviour, sentence = BAD[name]
    stream = source.open(Track(server.serve("/bad", behaviour)), position_ms=0)

    drain(stream, filling)

    assert stream.failure is not None
    assert re.search(sentence, str(stream.failure))
    stream.close()


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers here, and nobody else will
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        source = HttpTrackSource((address,))
        try:
            with pytest.raises(TrackError, match=r"127.0.0.1 cannot be reached. Check the address"):
                await source.resolve(f"http://{address}/x.mp3")
        finally:
            source.close()


async def test_a_signed_address_that_is_led_on_to_may_be_long(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    signed = server.serve("/song.mp3?signature=" + "x" * 2_000, content(recorded(Format.MP3)))

    track = await source.resolve(server.serve("/song", redirect(signed)))
    assert track.title == "evening"


async def test_a_text_that_is_no_url_is_named(source: HttpTrackSource) -> None:
    with pytest.raises(TrackError, match="not a web address"):
        await source.resolve("play some jazz")


@pytest.mark.parametrize("format", Format)
async def test_half_a_file_is_either_played_as_far_as_it_goes_or_refused(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded, format: Format
) -> None:
    data = recorded(format)
    url = server.serve("/half", content(data[: len(data) // 2]))

    if format is Format.M4A:  # its index was at the end
        with pytest.raises(TrackError, match="no audio at that address that I can play, or the file is damaged"):
            await source.resolve(url)
    else:
        await source.resolve(url)
        heard = drain(source.open(Track(url), position_ms=0), filling)
        assert len(heard) * 20 == pytest.approx(8_000, abs=1_500)


async def test_a_file_of_which_only_the_head_is_there_is_refused(
    source: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    url = server.serve("/head", content(recorded(Format.OGG_OPUS)[:300]))

    with pytest.raises(TrackError, match="damaged"):
        await source.resolve(url)


async def test_a_stream_without_end_is_a_track_without_duration(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    url = server.serve("/radio", endless(recorded(Format.MP3)))

    track = await source.resolve(url)
    assert track.duration_ms is None

    stream = source.open(track, position_ms=3_600_000)
    assert len(drain(stream, filling, limit=2_000)) == 2_000
    assert stream.failure is None
    stream.close()


async def test_what_may_be_a_secret_in_a_url_is_not_logged_for_a_servers_bad_headers(
    source: HttpTrackSource, server: MediaServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n"

    with pytest.raises(TrackError):
        await source.resolve(server.serve("/bad?signature=hush", raw(answer)))
    assert "hush" not in caplog.text


def test_negative_control_urllib3_would_log_it(server: MediaServer, caplog: pytest.LogCaptureFixture) -> None:
    url = server.serve("/bad?signature=hush", raw(b"HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n"))
    with caplog.at_level(logging.WARNING, "urllib3.connection"):
        urllib3.request("GET", url, retries=False)
    assert "hush" in caplog.text


async def test_a_server_that_hangs_is_given_up_in_time(server: MediaServer, recorded: Recorded) -> None:
    source = HttpTrackSource(server.allowed, resolve_seconds=0.3)
    url = server.serve("/hang", hanging(first=recorded(Format.M4A)[:2_000]))

    with pytest.raises(TrackError, match="took too long to answer"):
        await source.resolve(url)
    source.close()


def test_closing_a_stream_takes_its_thread_back_from_a_server_that_hangs(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, recorded: Recorded
) -> None:
    url = server.serve("/hang", hanging(first=recorded(Format.M4A)[:2_000]))
    hung = [source.open(Track(url), position_ms=0) for _ in range(2)]
    while len(server.requests) < len(hung):
        assert read(hung[0]) is Gap.NOT_YET

    for stream in hung:
        stream.close()

    good = source.open(Track(server.serve("/good", content(recorded(Format.WEBM_OPUS)))), position_ms=0)
    assert len(drain(good, filling)) == 801
