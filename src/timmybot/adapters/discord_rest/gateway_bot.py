"""``GET /gateway/bot`` for all shards of this process: one request on its way, and its answer kept for a while.

Discord answers it twice in five seconds and says 429 to the rest. Sixteen shards that start at once ask for the URL and
for the session starts, each; so all take part in one request, and what was answered just now is not asked for again.

Sources: Discord, Gateway, "Get Gateway Bot" (cache the URL); the limit by measurements of others (Javacord #122).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordError
from timmybot.ports.identify_budget import SessionStarts

Json = Mapping[str, object]

URL_SECONDS: Final = 5 * 60.0
"""How long a URL is used. It hardly ever changes, and a shard that cannot connect should hear when it has."""

STARTS_SECONDS: Final = 5.0
"""How long the session starts are believed: the window of the route's limit."""


class GatewayBot:
    """``ask`` is the request. What it raises, everybody who waits for it is raised."""

    def __init__(self, ask: Callable[[], Awaitable[Json]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._answer: Json = {}
        self._answered_at = float("-inf")
        self._handed_out = 0
        self._waiting = 0
        self._asking: asyncio.Task[Json] | None = None

    async def url(self) -> str:
        """The ``wss://`` address without query. Raises :class:`DiscordError`."""
        url = (await self._known_for(URL_SECONDS)).get("url")
        if not isinstance(url, str):
            raise DiscordError("GET /gateway/bot: Discord's answer names no gateway")
        return url

    async def session_starts(self) -> SessionStarts:
        """What the session start limit leaves, each start counted that this answer was given for already.

        Raises :class:`DiscordError`.
        """
        answer = await self._known_for(STARTS_SECONDS)
        limit = answer.get("session_start_limit")
        try:
            if not isinstance(limit, Mapping):
                raise KeyError  # noqa: TRY301  # told below, as all that is wrong with it
            starts = SessionStarts(
                int(str(limit["remaining"])), int(str(limit["reset_after"])) / 1000, int(str(limit["max_concurrency"]))
            )
        except (KeyError, ValueError) as error:
            raise DiscordError("GET /gateway/bot: Discord's answer has no session start limit") from error
        spent, self._handed_out = self._handed_out, self._handed_out + 1
        return replace(starts, remaining=starts.remaining - spent)

    async def _known_for(self, seconds: float) -> Json:
        if self._clock.monotonic() - self._answered_at < seconds:
            return self._answer
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_once())
            self._asking.add_done_callback(self._end)
        asking = self._asking
        self._waiting += 1
        try:
            # Shielded: a shard that is closed meanwhile must not take the answer from the others.
            return await asyncio.shield(asking)
        finally:
            self._waiting -= 1
            if not self._waiting and not asking.done():
                asking.cancel()
                self._asking = None

    async def _ask_once(self) -> Json:
        answer = await self._ask()
        self._answer, self._answered_at, self._handed_out = answer, self._clock.monotonic(), 0
        return answer

    def _end(self, asking: asyncio.Task[Json]) -> None:
        if self._asking is asking:
            self._asking = None
        if not asking.cancelled():
            asking.exception()  # Whoever waits has it; nobody may be left who does.
