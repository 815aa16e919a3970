"""Discord's rate limits, kept by not running into them.

Every route belongs to a bucket, whose name Discord tells in its answers; a bucket counts separately for each major
parameter (channel, guild, webhook with token). Beside them, a bot may send 50 requests a second in all; interaction
endpoints do not count to that. An address that gets 10,000 answers of 401, 403 or 429 in ten minutes is banned, so what
we are told to wait, we wait.

Source: Discord, "Rate Limits". Pure: time is handed in, in monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

GLOBAL_PER_SECOND = 50
_SLACK_SECONDS = 1e-6  # below what any clock can sleep
_FORGET_ABOVE = 1_000
"""Webhook buckets carry an interaction's token, so their number grows with time: past this, spent ones go."""


@dataclass(frozen=True)
class Route:
    """A kind of request: ``template`` is the method and path without ids, ``major`` what it is counted by."""

    template: str
    major: str = ""
    counts_globally: bool = True


@dataclass
class _Bucket:
    remaining: int
    reset_at: float


class RateLimits:
    """When the next request may go. Everything happens on one thread, the event loop's."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._sent: deque[float] = deque(maxlen=GLOBAL_PER_SECOND)
        self._blocked_until = 0.0
        self._banned_until = 0.0

    def reserve(self, route: Route, now: float) -> float:
        """Take a place if there is one and return 0; else return how many seconds to wait before asking again."""
        bucket = self._buckets.get(self._key(route))
        waits = [0.0, self._banned_until - now]
        if bucket and bucket.remaining <= 0:
            waits.append(bucket.reset_at - now)
        if route.counts_globally:
            waits.append(self._blocked_until - now)
            if len(self._sent) == GLOBAL_PER_SECOND:
                waits.append(self._sent[0] + 1.0 - now)
        wait = max(waits)
        if wait > _SLACK_SECONDS:
            return wait
        if bucket:
            if bucket.reset_at <= now + _SLACK_SECONDS:
                del self._buckets[self._key(route)]  # its window is over; the answer will tell of the next
            else:
                bucket.remaining -= 1
        if route.counts_globally:
            self._sent.append(now)
        return 0.0

    def learn(self, route: Route, headers: Mapping[str, str], now: float) -> None:
        """Take in what an answer's ``X-RateLimit-*`` headers (names in lower case) say."""
        name = headers.get("x-ratelimit-bucket")
        remaining = _number(headers.get("x-ratelimit-remaining"))
        reset_after = _number(headers.get("x-ratelimit-reset-after"))
        if name is None or remaining is None or reset_after is None:
            return
        self._names[route.template] = name
        known = self._buckets.get(self._key(route))
        if known and known.reset_at > now:
            # Answers overtake each other, and requests are still on their way: the lowest count is the true one.
            remaining = min(remaining, known.remaining)
        self._buckets[self._key(route)] = _Bucket(int(remaining), now + reset_after)
        if len(self._buckets) > _FORGET_ABOVE:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.reset_at > now}

    def refused(self, route: Route, retry_after: float, *, everywhere: bool, now: float) -> None:
        """Take in a 429: nothing on this route, or nothing ``everywhere``, before ``retry_after`` seconds are over."""
        if everywhere:
            self._blocked_until = max(self._blocked_until, now + retry_after)
        else:
            self._buckets[self._key(route)] = _Bucket(0, now + retry_after)

    def banned(self, retry_after: float, now: float) -> None:
        """Take in a 429 of Discord's edge, which is no JSON: it is meant for our address, whatever the route.

        What is sent meanwhile makes it longer. Source: Discord, Rate Limits, "Invalid Request Limit".
        """
        self._banned_until = max(self._banned_until, now + retry_after)

    def _key(self, route: Route) -> tuple[str, str]:
        return self._names.get(route.template, route.template), route.major


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
