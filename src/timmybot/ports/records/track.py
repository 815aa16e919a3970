"""How what is known of a track is written down, and read back with suspicion."""

from __future__ import annotations

import hashlib

from timmybot.domain.sound import Loudness, Measured
from timmybot.domain.track import URL_LIMIT, Track
from timmybot.ports.records.fields import Fields, Record, with_schema
from timmybot.ports.track_cache import MEASURED_KEPT_SECONDS

_LOUDEST = 100.0
_QUIETEST = -200.0


def track_id(track: Track) -> str:
    """A key of constant length. URLs can be longer than a key of DynamoDB may be."""
    return hashlib.sha256(track.url.encode()).hexdigest()


def measured_record(track: Track, measured: Measured, now: float) -> dict[str, object]:
    """``now`` is Unix time in seconds."""
    loudness = measured.loudness
    return with_schema(
        {
            "url": track.url,
            "duration_ms": track.duration_ms,
            "lufs": loudness and loudness.lufs,
            "peak_db": loudness and loudness.peak_db,
            "expires_at": int(now + MEASURED_KEPT_SECONDS),
        }
    )


def measured_of(track: Track, record: Record, now: float) -> Measured | None:
    """``None`` if it is of another track, or too old. Raises :class:`~timmybot.ports.records.fields.Unreadable`."""
    fields = Fields(record)
    same = (fields.present_text("url", URL_LIMIT), fields.number_or_none("duration_ms")) == (
        track.url,
        track.duration_ms,
    )
    if not same or fields.time("expires_at") <= now:
        return None
    if "lufs" not in record:
        return Measured(None)
    lufs, peak_db = (fields.decibels(name, _QUIETEST, _LOUDEST) for name in ("lufs", "peak_db"))
    return Measured(Loudness(lufs, peak_db))
