"""What encoders that lose something made."""

from __future__ import annotations

from tests.integration.sources.media_server import MediaServer
from tests.matrix import made
from tests.matrix.axes import Case
from tests.matrix.trying import tried
from timmybot.ports.track_source import TrackSource


@made.of("opus", "vorbis", "mp3", "mp2", "aac")
def test_what_is_in_the_file_is_heard(case: Case, server: MediaServer, source: TrackSource) -> None:
    score, tolerance = case.recipe.score, made.tolerance_of(case.recipe)
    assert tried(server, source, made.file_of(case), score=score, deed=case.deed, tolerance=tolerance) == []
