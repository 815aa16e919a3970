"""A track: something that can be played, and the entry that puts it into a queue."""

from __future__ import annotations

from dataclasses import dataclass

from timmybot.domain.ids import EntryId, OrderKey, UserId

TITLE_LIMIT = 200
"""Characters of a title that are kept. Titles are hostile input, and an entry has to stay small."""

URL_LIMIT = 1_000
"""Characters of a URL that are accepted."""


@dataclass(frozen=True)
class Track:
    """What is known of something to play. Until it is resolved, only the URL is."""

    url: str
    title: str | None = None
    duration_ms: int | None = None

    @property
    def resolved(self) -> bool:
        return self.title is not None

    @property
    def name(self) -> str:
        """The title, or the URL of a track that is not resolved yet."""
        return self.title or self.url


@dataclass(frozen=True)
class Entry:
    """A track's place in a guild's queue, and who asked for it."""

    key: OrderKey
    entry_id: EntryId
    track: Track
    requested_by: UserId
