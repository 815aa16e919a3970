"""What stands before every IDENTIFY of this worker: Discord's day, and the budget that all workers share.

Discord counts IDENTIFYs over all shards of a token. Within 5 s each bucket (``shard_id % max_concurrency``) may have
one, and the whole token 1,000 in 24 hours; past that every session ends **and the token is reset**. So a worker stops
well before, and says so: a bot that is silent for some hours is better than one whose token is void.

Source: Discord, Gateway, "Rate Limiting" and "Session Start Limit Object".
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from timmybot.domain.ids import ShardId
from timmybot.ports.clock import Clock
from timmybot.ports.identify_budget import IdentifyBudget, SessionStarts
from timmybot.ports.metrics import Metrics
from timmybot.ports.shard_sessions import GatewayRefused

log = logging.getLogger(__name__)

STARTS_LEFT_ALONE: Final = 10
"""Of the day's session starts: twice as many as there are workers, which may all have asked at one moment."""
STARTS_LOW: Final = 100
"""A tenth of the day's session starts: whoever runs the bot should hear that something restarts too often."""
GRANTED_SECONDS: Final = 1.0
"""How long after it was asked for a reservation is used. By an answer that was slow, or came to a process that stood
still, another worker might identify at the same moment: then a new one is asked for."""
ASK_AGAIN_SECONDS: Final = 15 * 60.0
"""How long a day is believed to be spent before Discord is asked again; it may say so for 24 hours."""

AskStarts = Callable[[], Awaitable[SessionStarts]]


class IdentifyGate:
    """``ask_starts`` is ``GET /gateway/bot``, asked before each IDENTIFY; without it, one bucket is known, no day."""

    def __init__(
        self, budget: IdentifyBudget, clock: Clock, ask_starts: AskStarts | None = None, metrics: Metrics | None = None
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._ask_starts = ask_starts
        self._metrics = metrics
        self._max_concurrency = 1
        self._refusal = ""
        self._refused_until = float("-inf")

    def check(self) -> None:
        """Raise :class:`GatewayRefused` if the day was spent when Discord was last asked, not long ago."""
        if self._clock.monotonic() < self._refused_until:
            raise GatewayRefused(self._refusal)

    async def pass_through(self, shard_id: ShardId) -> None:
        """Return when the shard may IDENTIFY, at once. Raises :class:`GatewayRefused`, and what the budget raises."""
        self.check()
        await self._ask(shard_id)
        while True:
            asked_at = self._clock.monotonic()
            wait = await self._budget.reserve(shard_id, self._clock.now(), max_concurrency=self._max_concurrency)
            if wait:
                await self._clock.sleep(wait)
            elif self._clock.monotonic() - asked_at < GRANTED_SECONDS:
                return

    async def _ask(self, shard_id: ShardId) -> None:
        if self._ask_starts is None:
            return
        try:
            starts = await self._ask_starts()
        except Exception as error:  # the shared budget still counts, and what is wrong here the gateway says better
            log.warning("shard %d: session starts were not told (%s)", shard_id, type(error).__name__)
            return
        self._max_concurrency = max(starts.max_concurrency, 1)
        if starts.remaining < STARTS_LOW:
            log.warning("only %d session starts are left for %.1f hours", starts.remaining, starts.reset_seconds / 3600)
            if self._metrics is not None:
                self._metrics.emit({"SessionStartsLow": 1})
        if starts.remaining <= STARTS_LEFT_ALONE:
            self._refused_until = self._clock.monotonic() + min(starts.reset_seconds, ASK_AGAIN_SECONDS)
            self._refusal = (
                f"Discord allows this bot {starts.remaining} more sessions today, and resets the token of one that "
                f"starts too many. I connect again in {starts.reset_seconds / 3600:.1f} hours. Find out what restarts "
                "so often."
            )
            raise GatewayRefused(self._refusal)
