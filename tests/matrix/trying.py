"""One case: a file is served, something is done to it, and what is heard is judged."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import Final

from tests.integration.sources.media_server import MediaServer, content
from tests.matrix.judge import Tolerance, faults
from tests.matrix.listening import ACTIONS, Player, decoded, resolved
from tests.matrix.loudness import lufs, peak_db
from tests.matrix.score import Score
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackSource

_LUFS: Final = 1.0
_STRETCHED_DB: Final = 2.0
"""A song is stretched by laying pieces over each other, in which not every tone meets itself."""


def tried(
    server: MediaServer, source: TrackSource, data: bytes, *, score: Score, deed: str, tolerance: Tolerance
) -> list[str]:
    """What is wrong with what is heard when ``deed`` is done to the file ``data``; nothing if all is right.

    Raises :class:`AssertionError` if nothing could be heard, and :class:`TrackError` if it was refused.
    """
    url = server.serve("/file", content(data))
    if deed == "measure":
        return _measured(source, Track(url), score, tolerance)
    track = resolved(source, url)
    with closing(Player(source, track, score.seconds)) as player:
        heard = ACTIONS[deed](player)
    if deed == "speed":
        tolerance = replace(tolerance, level_db=max(tolerance.level_db, _STRETCHED_DB))
    found = faults(decoded(heard.packets), score, heard.parts, tolerance)
    if deed == "as-it-is":
        found += _told(track, score, tolerance)
    return found


def _told(track: Track, score: Score, tolerance: Tolerance) -> list[str]:
    if track.duration_ms is None:
        return []
    off_s = track.duration_ms / 1000 - score.seconds
    if -tolerance.length_s <= off_s <= tolerance.length_s + tolerance.longer_s:
        return []
    return [f"it is said to be {track.duration_ms} ms long"]


def _measured(source: TrackSource, track: Track, score: Score, tolerance: Tolerance) -> list[str]:
    loudness = asyncio.run(source.measure(track))
    if loudness is None:
        return ["its loudness is not known"]
    found = []
    if abs(loudness.lufs - lufs(score)) > _LUFS:
        found.append(f"{loudness.lufs} LUFS were measured, of {lufs(score):.1f}")
    if abs(loudness.peak_db - peak_db(score)) > tolerance.peak_db:
        found.append(f"a peak of {loudness.peak_db} dB was measured, of {peak_db(score):.1f}")
    return found
