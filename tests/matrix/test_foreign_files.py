"""Files made by opusenc, oggenc, lame, flac, mkvmerge and GStreamer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sources.media_server import MediaServer
from tests.matrix.axes import DEEDS, EVERYTHING
from tests.matrix.foreign_files import BY_OPUSENC, FILES, FOLDER, MOST_BYTES, RARE, ForeignFile
from tests.matrix.trying import tried
from timmybot.ports.track_source import TrackSource


def tries() -> Iterator[tuple[ForeignFile, str]]:
    """Half of the actions for each file, in turn; all of them for the files that stand in for made ones."""
    for number, file in enumerate(FILES):
        for deed in DEEDS[1:]:
            if EVERYTHING or file.name in BY_OPUSENC or (number + DEEDS.index(deed)) % 2:
                yield file, deed
        yield file, DEEDS[0]


@pytest.mark.parametrize(("file", "deed"), list(tries()), ids=str)
def test_what_is_in_the_file_is_heard(file: ForeignFile, deed: str, server: MediaServer, source: TrackSource) -> None:
    assert tried(server, source, file.data, score=file.score, deed=deed, tolerance=file.tolerance) == []


def test_each_file_is_told_of_and_small() -> None:
    paths = [path for path in FOLDER.iterdir() if path.suffix not in (".sh", ".md")]
    assert {path.name for path in paths} == {file.name for file in (*FILES, *RARE)}
    assert sum(path.stat().st_size for path in paths) <= MOST_BYTES
    made_by = (FOLDER / "make.sh").read_text()
    for path in paths:
        numbered = path.name.startswith("opusenc-") and path.stem[-1].isdigit()
        assert numbered or path.name in made_by, f"how {path.name} is made is not said"
