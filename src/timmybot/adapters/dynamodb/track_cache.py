"""The track cache in the table ``track-cache``: ``<hash of the URL>``/``LOUDNESS``.

It is read eventually consistent, at half the price: whoever misses what was kept a moment ago does without.
"""

from __future__ import annotations

import logging

from timmybot.adapters.dynamodb.table import Put, Table
from timmybot.domain.sound import Measured
from timmybot.domain.track import Track
from timmybot.ports.clock import Clock
from timmybot.ports.records.fields import Unreadable
from timmybot.ports.records.track import measured_of, measured_record, track_id
from timmybot.ports.track_cache import TrackCache

log = logging.getLogger(__name__)

_LOUDNESS = "LOUDNESS"


class DynamoTrackCache(TrackCache):
    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    async def measured(self, track: Track) -> Measured | None:
        async for _, record in self._table.query(track_id(track), _LOUDNESS, _LOUDNESS, consistent=False):
            try:
                return measured_of(track, record, self._clock.now())
            except Unreadable as why:
                log.warning("what was stored of a track is set aside: %s", why)
        return None

    async def keep(self, track: Track, measured: Measured) -> None:
        record = measured_record(track, measured, self._clock.now())
        await self._table.put(Put((track_id(track), _LOUDNESS), record))
