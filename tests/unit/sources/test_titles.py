"""What a track is called, from what strangers wrote into it."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.children.media.probe import decoded_tag
from timmybot.adapters.sources.naming import Told, printable, title_of, told_by
from timmybot.domain.track import TITLE_LIMIT

URL = "https://example.org/music/My%20Song.final.mp3?x=1"


def test_a_title_comes_with_its_artist() -> None:
    assert title_of({"TITLE": "Moon", "ARTIST": "Sun"}, URL) == "Sun – Moon"


def test_without_metadata_the_file_name_is_the_title() -> None:
    assert title_of({}, URL) == "My Song.final"
    assert title_of({"title": " \n"}, URL) == "My Song.final"


def test_without_a_file_name_the_host_is_the_title() -> None:
    assert title_of({}, "https://example.org/") == "example.org"


def test_a_title_is_one_line_without_what_hides_or_reorders_text() -> None:
    assert printable("a\x1b[31mb\u202ec\u0000\n\td\u200b") == "a[31mbc d"
    assert printable("👩\u200d👩\u200d👧") == "👩\u200d👩\u200d👧"


def test_a_title_has_an_end() -> None:
    assert len(title_of({"title": "x" * 10_000}, URL)) == TITLE_LIMIT


def test_a_tag_that_is_no_utf_8_is_read_as_windows_writes_it() -> None:
    written = "Bär – “Nö”".encode("cp1252").decode("utf-8", "surrogateescape")

    assert decoded_tag(written) == "Bär – “Nö”"
    assert decoded_tag("Bär") == "Bär"


DRIVE = "https://drive.example/uc?export=download&id=1a2b3c"
CDN = "https://cdn.example/0123456789abcdef0123456789abcdef/d41d8cd98f00b204e9800998ecf8427e?sig=x"


def titled(link: str, led_to: str = "", **headers: str) -> str:
    told = told_by({name.replace("_", "-"): value for name, value in headers.items()})
    return title_of({}, link, led_to or link, told)


def test_the_name_that_the_server_tells_is_the_title() -> None:
    assert titled(DRIVE, CDN, Content_Disposition='attachment; filename="My Song.mp3"') == "My Song"


def test_the_files_own_title_is_better_than_what_the_server_tells() -> None:
    told = Told(file="01 - track", station="Radio Evening")

    assert title_of({"title": "Moon"}, DRIVE, CDN, told) == "Moon"


def test_a_station_is_called_what_it_calls_itself() -> None:
    assert titled("http://radio.example:8000/;", icy_name="Radio Evening") == "Radio Evening"
    assert titled("http://radio.example:8000/;", icy_name="Rádio Évening".encode().decode("latin-1")) == "Rádio Évening"


def test_the_link_that_was_given_is_better_than_the_one_it_leads_to() -> None:
    assert titled("https://example.org/My%20Song.mp3", CDN) == "My Song"
    assert titled("https://example.org/My%20Song.mp3", "https://cdn.example/a-b-c-14.mp3") == "My Song"


def test_where_the_link_says_nothing_the_one_it_leads_to_may() -> None:
    assert titled("https://example.org/download?id=7", "https://cdn.example/My%20Song.mp3") == "My Song"


NOTHING_SAID = ["uc", "file", "file.mp3", "Download", "download (1).mp3", "file_2", ";", "stream", "listen.mp3", "%3B"]
NOTHING_SAID += ["d41d8cd98f00b204e9800998ecf8427e.ogg", "123e4567-e89b-12d3-a456-426614174000", "", "-_-", "stream%20"]


@pytest.mark.parametrize("name", NOTHING_SAID)
def test_a_name_that_says_nothing_is_passed_over(name: str) -> None:
    link = f"https://example.org/{name}"

    assert titled(link, "https://cdn.example/My%20Song.mp3") == "My Song"
    assert titled(link, Content_Disposition='attachment; filename="My Song.mp3"') == "My Song"
    assert titled(link) == "example.org"
    assert titled("https://example.org/My%20Song.mp3", Content_Disposition=f'inline; filename="{name}"') == "My Song"


@pytest.mark.parametrize(
    "name", ["1999", "22", "Play It Again", "Live at Home", "Facade", "Streamline", "30. November"]
)
def test_a_name_that_says_little_is_a_name(name: str) -> None:
    assert titled(f"https://example.org/{name}.mp3") == name


@pytest.mark.parametrize("name", ["unspecified name", "This is my server name", "no name", "-", " "])
def test_a_station_that_was_given_no_name_is_called_by_its_host(name: str) -> None:
    assert titled("http://radio.example:8000/stream", icy_name=name) == "radio.example:8000"


DISPOSITIONS = {
    "attachment; filename=Song.mp3": "Song",
    "attachment; filename=My Song.mp3": "My Song",
    'attachment;filename="My; Song.mp3";size=3': "My; Song",
    'ATTACHMENT; FILENAME = "My Song.MP3"': "My Song",
    'filename="no type.mp3"; filename="My Song.mp3"': "My Song",
    r'attachment; filename="My \"Song\".mp3"': 'My "Song"',
    "attachment; filename*=UTF-8''M%c3%bcsik%20%e2%82%ac.mp3": "Müsik €",
    "attachment; filename*=utf-8'de'M%C3%BCsik.mp3; filename=Musik.mp3": "Müsik",
    "attachment; filename=\"Musik.mp3\"; filename*=UTF-8''M%C3%BCsik.mp3": "Müsik",
    "attachment; filename*=iso-8859-1''M%FCsik.mp3": "Müsik",
    "attachment; filename*=\"UTF-8''M%C3%BCsik.mp3\"": "Müsik",
    "attachment; filename=\"Musik.mp3\"; filename*=UTF-8''M%FCsik.mp3": "Musik",
    "attachment; filename=Musik.mp3; filename*=KOI8-R''%CD.mp3": "Musik",
    'attachment; filename="Müsik.mp3"': "Müsik",
    'attachment; filename="M\u00c3\u00bcsik.mp3"': "Müsik",
    'attachment; filename="M%C3%BCsik.mp3"': "Müsik",
    'attachment; filename="100% Song.mp3"': "100% Song",
    'attachment; filename="=?UTF-8?B?TcO8c2lrLm1wMw==?="': "Müsik",
    'attachment; filename="=?nonsense?B?TcO8?="': "=?nonsense?B?TcO8?=",
    'attachment; filename="/etc/../My Song.mp3"': "My Song",
    r'attachment; filename="C:\Music\My Song.mp3"': "My Song",
    "attachment; filename*=UTF-8''..%2F..%2FMy%20Song.mp3": "My Song",
    'attachment; filename="My\u202e Song\x1b[31m.mp3"': "My Song[31m",
    "attachment; filename*=UTF-8''a%0D%0Ab%00c.mp3": "a bc",
}


@pytest.mark.parametrize(("header", "title"), DISPOSITIONS.items())
def test_a_servers_name_for_a_file_is_read_in_all_the_ways_it_is_written(header: str, title: str) -> None:
    assert titled(DRIVE, Content_Disposition=header) == title


@pytest.mark.parametrize(
    "header",
    [
        "",
        "attachment",
        "inline; filename=",
        'attachment; filename=""',
        "attachment; filename*=UTF-8''",
        "attachment; filename*=UTF-8",
        "attachment; filename*=UTF-8''%ff",
        'attachment; filename="never ends',
        'attachment; filename="/"',
        'attachment; filename="..mp3"',
    ],
)
def test_a_header_that_names_nothing_names_nothing(header: str) -> None:
    assert titled("https://example.org/My%20Song.mp3", Content_Disposition=header) == "My Song"


@pytest.mark.parametrize("piece", ["filename=", ';filename="', ";filename*=", "\\", "%", "=?", "=?utf-8?q?", ";", "a"])
def test_a_hostile_name_has_an_end(piece: str) -> None:
    header = "attachment; filename=x" + piece * 60_000

    assert len(titled(DRIVE, Content_Disposition=header)) <= TITLE_LIMIT
    assert len(titled(DRIVE, Content_Disposition='attachment; filename="x' + piece * 60_000 + '"')) <= TITLE_LIMIT
    assert len(titled(DRIVE, icy_name=piece * 60_000)) <= TITLE_LIMIT
    assert len(titled("https://example.org/" + piece * 60_000)) <= TITLE_LIMIT
