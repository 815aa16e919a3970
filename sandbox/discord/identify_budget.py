"""How often sessions may be started.

Source: https://docs.discord.com/developers/events/gateway ("Rate Limiting" and "Session Start Limit Object"): one
IDENTIFY per bucket (``shard_id % max_concurrency``) in 5 seconds, and 1,000 in 24 hours over all shards; past that
every session of the application ends and its token is reset. RESUME is exempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.discord.clock import Clock

DAY_SECONDS = 24 * 3600.0


@dataclass
class IdentifyBudget:
    """The budget of one application. Change the public fields to bend the rules in a test."""

    clock: Clock
    total: int = 1_000
    max_concurrency: int = 1
    interval_seconds: float = 5.0
    used: int = 0
    _day_began: float | None = None
    _last_in_bucket: dict[int, float] = field(default_factory=dict)

    def spend(self, shard_id: int) -> str | None:
        """Count one IDENTIFY. Returns ``None``, or ``"too soon"`` or ``"day exhausted"``."""
        now = self.clock.monotonic()
        self._turn_day(now)
        self.used += 1
        if self.used > self.total:
            return "day exhausted"
        bucket = shard_id % self.max_concurrency
        last = self._last_in_bucket.get(bucket)
        if last is not None and now - last < self.interval_seconds:
            return "too soon"
        self._last_in_bucket[bucket] = now
        return None

    def describe(self) -> dict[str, int]:
        """The ``session_start_limit`` of ``GET /gateway/bot``."""
        now = self.clock.monotonic()
        self._turn_day(now)
        began = now if self._day_began is None else self._day_began
        return {
            "total": self.total,
            "remaining": max(0, self.total - self.used),
            "reset_after": int((began + DAY_SECONDS - now) * 1000),
            "max_concurrency": self.max_concurrency,
        }

    def _turn_day(self, now: float) -> None:
        if self._day_began is None or now - self._day_began >= DAY_SECONDS:
            self._day_began = now
            self.used = 0
