"""What a track is called, from what strangers wrote into it."""

from __future__ import annotations

from timmybot.adapters.sources.probe import printable, title_of
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


def test_a_title_that_is_no_utf_8_is_read_as_windows_writes_it() -> None:
    written = "Bär – “Nō”".replace("ō", "ö").encode("cp1252").decode("utf-8", "surrogateescape")

    assert title_of({"title": written}, URL) == "Bär – “Nö”"
    assert title_of({"title": "Bär"}, URL) == "Bär"
