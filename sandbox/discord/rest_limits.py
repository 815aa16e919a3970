"""Discord's rate limits: a bucket per route and major parameter, and a global one.

Source: https://docs.discord.com/developers/topics/rate-limits. Interaction endpoints do not count to the global limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sandbox.discord.clock import Clock

GLOBAL_PER_SECOND = 50
OBSERVED = {
    ("POST", "/channels/{channel_id}/messages"): (5, 5.0),
    ("GET", "/gateway/bot"): (2, 5.0),
}
"""Requests and seconds. Discord documents none, and says them in the headers; these are what libraries report (Javacord
PR #122 and discord-api-docs #3042 of the gateway's)."""
MAJOR = ("channel_id", "guild_id", "webhook_id", "token")
"""Parameters of a path for which each value has its own bucket."""


@dataclass
class Bucket:
    """A fixed window: ``limit`` requests in ``seconds``, counted from the first one."""

    limit: int
    seconds: float
    used: int = 0
    resets_at: float = 0.0

    def take(self, now: float) -> bool:
        """Count a request. Returns whether it may pass."""
        if now >= self.resets_at:
            self.used, self.resets_at = 0, now + self.seconds
        self.used += 1
        return self.used <= self.limit


class RateLimits:
    """All buckets of one fake Discord."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: dict[tuple[str, str], tuple[int, float]] = dict(OBSERVED)
        self._shared: set[tuple[str, str]] = set()
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self.default = (50, 1.0)
        """Requests and seconds for routes without a rule of their own."""
        self.everything = Bucket(GLOBAL_PER_SECOND, 1.0)

    def limit(self, method: str, route: str, requests: int, seconds: float) -> None:
        """Give a route its own limit, e.g. ``("POST", "/channels/{channel_id}/messages", 5, 5.0)``."""
        self._rules[method, route] = (requests, seconds)
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[:2] != (method, route)}

    def share(self, method: str, route: str) -> None:
        """Have the route's limit be one that others spend, too: its refusals are of scope ``shared``."""
        self._shared.add((method, route))

    def take(
        self, method: str, route: str, parameters: dict[str, str], *, counts_globally: bool
    ) -> tuple[dict[str, str], float | None, bool]:
        """Count one request.

        Returns the headers to answer with, the seconds to wait if it is refused (else ``None``), and whether
        it was the global limit that refused it.
        """
        now = self._clock.monotonic()
        if counts_globally and not self.everything.take(now):
            wait = self.everything.resets_at - now
            return {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, wait, True
        major = tuple(parameters[name] for name in MAJOR if name in parameters)
        rule = self._rules.get((method, route), self.default)
        bucket = self._buckets.setdefault((method, route, *major), Bucket(*rule))
        passes = bucket.take(now)
        rest = bucket.resets_at - now
        headers = {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(max(0, bucket.limit - bucket.used)),
            "X-RateLimit-Reset": f"{self._clock.time() + rest:.3f}",
            "X-RateLimit-Reset-After": f"{rest:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(f"{method} {route}".encode(), usedforsecurity=False).hexdigest(),
        }
        if passes:
            return headers, None, False
        scope = "shared" if (method, route) in self._shared else "user"
        return headers | {"X-RateLimit-Scope": scope}, rest, False
