"""What a track cache promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.stored import Kept
from timmybot.domain.sound import Loudness, Measured
from timmybot.domain.track import URL_LIMIT, Track
from timmybot.ports.track_cache import MEASURED_KEPT_SECONDS

SONG = Track("https://radio.example/one.ogg", "One", 60_000)
QUIET = Measured(Loudness(-23.4, -6.1))
LOUD = Measured(Loudness(3.2, 6.0))


@pytest.mark.parametrize("measured", [QUIET, LOUD, Measured(None)])
async def test_what_was_measured_is_known_to_everyone_who_asks_for_that_track(kept: Kept, measured: Measured) -> None:
    cache = kept.stores.tracks
    assert await cache.measured(SONG) is None
    await cache.keep(SONG, measured)
    assert await cache.measured(replace(SONG, title="as someone else calls it")) == measured
    assert await cache.measured(replace(SONG, url="https://radio.example/two.ogg")) is None


async def test_another_file_at_the_same_address_is_another_track(kept: Kept) -> None:
    await kept.stores.tracks.keep(SONG, QUIET)
    assert await kept.stores.tracks.measured(replace(SONG, duration_ms=61_000)) is None
    assert await kept.stores.tracks.measured(replace(SONG, duration_ms=None)) is None


async def test_the_longest_url_has_a_place(kept: Kept) -> None:
    longest = replace(SONG, url=SONG.url + "é" * (URL_LIMIT - len(SONG.url)))
    await kept.stores.tracks.keep(longest, QUIET)
    assert await kept.stores.tracks.measured(longest) == QUIET


async def test_what_is_measured_again_replaces_what_was(kept: Kept) -> None:
    await kept.stores.tracks.keep(SONG, QUIET)
    await kept.stores.tracks.keep(SONG, LOUD)
    assert await kept.stores.tracks.measured(SONG) == LOUD


async def test_it_is_forgotten_some_day(kept: Kept) -> None:
    await kept.stores.tracks.keep(SONG, QUIET)
    kept.clock.freeze(MEASURED_KEPT_SECONDS - 1)
    assert await kept.stores.tracks.measured(SONG) == QUIET
    kept.clock.freeze(2)
    assert await kept.stores.tracks.measured(SONG) is None
