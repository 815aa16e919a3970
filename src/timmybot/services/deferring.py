"""Has an interaction answered in time, however long the command takes.

Discord waits 3 s for the first answer. Nearly every command takes a tenth of that; shuffling 5,000 tracks, or a store
that is slow, takes longer. Then "thinking" is shown in time, by Discord's callback route, and edited when the command
is done. There is a limit to that, too: an AWS Lambda function is stopped at its time-out, in the middle of whatever it
does. So the command is given up before, and the member told. What it had written by then nobody sees: a long writing is
made beside the queue, and pointed at in one write at its end.

Source: Discord, Interactions, "Responding to an Interaction" (a 202 to the HTTP request, and the callback route).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from timmybot.domain.ids import InteractionId
from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordError, FirstAnswers
from timmybot.services.answering import Answer
from timmybot.services.interactions import Interactions, message

log = logging.getLogger(__name__)

DEFER_AFTER_SECONDS: Final = 1.2
"""Discord's 3 s, less a cold start of a second or so before this clock runs, and less the call that defers."""

_APPLICATION_COMMAND: Final = 2
_DEFERRED_MESSAGE: Final = 5
"""Source: Discord, Interactions, "Interaction Callback Type"."""

TOO_LONG: Final = (
    "That took longer than I am given. It may have happened all the same: look at `/queue` before you try again."
)


class Deferring:
    """Answers interactions in time."""

    def __init__(self, interactions: Interactions, answers: FirstAnswers, clock: Clock) -> None:
        self._interactions = interactions
        self._answers = answers
        self._clock = clock

    async def respond(self, payload: Any, *, patience_seconds: float) -> dict[str, Any] | None:
        """The body to answer with; ``None`` if the answer was given over the callback route already.

        ``patience_seconds`` is how long the command may take in all. Raises ``BadPayload``.
        """
        begun_at = self._clock.monotonic()
        responding = asyncio.create_task(self._interactions.respond(payload))
        try:
            await self._wait(responding, DEFER_AFTER_SECONDS)
            if responding.done() or not await self._deferred(payload):
                return await responding
            await self._wait(responding, patience_seconds - (self._clock.monotonic() - begun_at))
            if responding.done():
                body = await responding
            else:
                log.error("a command was given up after %.1f s", patience_seconds)
                body = message(Answer(TOO_LONG))
            await self._edit(payload, body)
            return None
        finally:
            responding.cancel()
            await asyncio.gather(responding, return_exceptions=True)

    async def _wait(self, responding: asyncio.Task[dict[str, Any]], seconds: float) -> None:
        pause = asyncio.create_task(self._clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait({responding, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()

    async def _deferred(self, payload: Any) -> bool:
        if payload.get("type") != _APPLICATION_COMMAND:
            return False
        try:
            interaction_id, token = InteractionId(int(payload["id"])), str(payload["token"])
            await self._answers.respond(interaction_id, token, {"type": _DEFERRED_MESSAGE})
        except DiscordError:
            log.warning("a slow command could not be deferred", exc_info=True)
            return False
        return True

    async def _edit(self, payload: Any, body: dict[str, Any]) -> None:
        try:
            asked = InteractionId(int(payload["id"]))
            await self._answers.edit_response(
                asked, int(payload["application_id"]), str(payload["token"]), body["data"]
            )
        except DiscordError:
            log.warning("a deferred command could not be answered", exc_info=True)
