"""The budget of gateway identifies, shared by all workers of a token.

Source: Discord, Gateway, "Rate Limiting" and "Session Start Limit": one IDENTIFY per 5 s and bucket, 1,000 a day over
all shards; past that the token is reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from timmybot.domain.ids import ShardId

BUCKET_SECONDS = 5.0
"""How long a bucket is used up by one IDENTIFY."""


@dataclass(frozen=True)
class SessionStarts:
    """What Discord allows a token just now: the ``session_start_limit`` of ``GET /gateway/bot``."""

    remaining: int
    """How many sessions may still be started."""
    reset_seconds: float
    """In how many seconds there will be more."""
    max_concurrency: int = 1
    """How many buckets there are."""


class IdentifyBudget(Protocol):
    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        """Ask to IDENTIFY at ``now`` (Unix time in seconds), in the bucket ``shard_id % max_concurrency``.

        Returns 0.0 if the caller may do so at once and everyone else must wait, else the seconds to wait before
        asking again. Raises ``StoreUnavailable``.
        """
        ...
