"""Discord's ids: a timestamp in the upper bits, which is also what routes a guild to its shard.

Source: https://docs.discord.com/developers/reference (snowflakes) and events/gateway (sharding).
"""

from __future__ import annotations

from collections.abc import Callable

DISCORD_EPOCH_MS = 1_420_070_400_000
TIMESTAMP_SHIFT = 22
COUNTER_BITS = 12


def shard_of(guild_id: int, shards: int) -> int:
    """The shard whose gateway sessions get this guild's events."""
    return (guild_id >> TIMESTAMP_SHIFT) % shards


class Snowflakes:
    """Hands out ids that are unique within one fake Discord."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last_ms = 0
        self._counter = 0

    def next(self) -> int:
        """A fresh id."""
        return self._compose(self._advance(), worker=1)

    def on_shard(self, shard: int, of: int) -> int:
        """A fresh id which ``shard_of(id, of)`` sends to ``shard``. Raises :class:`ValueError` if there is none."""
        if not 0 <= shard < of:
            raise ValueError(f"shard {shard} of {of}: shards are numbered from 0 to {of - 1}")
        ms = self._advance()
        return self._compose(ms - (ms - shard) % of, worker=2)

    def _advance(self) -> int:
        self._last_ms = max(self._last_ms, int(self._now() * 1000) - DISCORD_EPOCH_MS)
        self._counter += 1
        if self._counter == 1 << COUNTER_BITS:
            # A whole round of the counter: the timestamp moves past every id given so far, shards included.
            self._counter = 0
            self._last_ms += 1 << COUNTER_BITS
        return self._last_ms

    def _compose(self, ms: int, worker: int) -> int:
        return ms << TIMESTAMP_SHIFT | worker << COUNTER_BITS + 5 | self._counter
