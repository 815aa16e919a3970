"""The radio serves files with ranges, and every kind of address that a bot must survive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.radio import METADATA_ADDRESS, Radio

SONG = bytes(range(256)) * 400


@pytest.fixture
async def radio(tmp_path: Path) -> AsyncIterator[Radio]:
    (tmp_path / "song.webm").write_bytes(SONG)
    async with Radio(tmp_path) as radio:
        yield radio


@pytest.fixture
async def http(radio: Radio) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


async def test_a_file_and_any_part_of_it(radio: Radio, http: aiohttp.ClientSession) -> None:
    async with http.get(radio.url("song.webm")) as whole:
        assert (whole.status, whole.content_type, await whole.read()) == (200, "audio/webm", SONG)
    async with http.get(radio.url("song.webm"), headers={"Range": "bytes=1000-1999"}) as part:
        assert (part.status, await part.read()) == (206, SONG[1000:2000])
    assert [request.range for request in radio.requests] == [None, "bytes=1000-1999"]


async def test_nothing_outside_its_directory_is_served(radio: Radio, http: aiohttp.ClientSession) -> None:
    for url in (radio.missing_url, radio.url("../secret"), radio.url("/etc/hostname")):
        async with http.get(url) as answer:
            assert answer.status == 404


async def test_a_page_is_not_a_song(radio: Radio, http: aiohttp.ClientSession) -> None:
    async with http.get(radio.html_url) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")


async def test_a_truncated_file_breaks_off(radio: Radio, http: aiohttp.ClientSession) -> None:
    async with http.get(radio.truncated_url("song.webm")) as answer:
        assert answer.headers["Content-Length"] == str(len(SONG))
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_redirect_leads_where_nobody_should_follow(radio: Radio, http: aiohttp.ClientSession) -> None:
    async with http.get(radio.redirect_url(), allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, METADATA_ADDRESS)


async def test_a_slow_file_comes_bit_by_bit(radio: Radio, http: aiohttp.ClientSession) -> None:
    async with http.get(radio.slow_url("song.webm", 1_000)) as answer:
        assert await answer.content.readany() == SONG[:100]


async def test_a_silent_server_does_not_hold_up_its_end(radio: Radio, http: aiohttp.ClientSession) -> None:
    with pytest.raises(TimeoutError):
        await http.get(radio.silent_url, timeout=aiohttp.ClientTimeout(total=0.05))
