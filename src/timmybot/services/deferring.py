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

from timmybot.domain.first_answer import FIRST_ANSWER_SECONDS, seconds_left
from timmybot.domain.ids import InteractionId
from timmybot.ports.clock import Clock
from timmybot.ports.discord import AlreadyAnswered, DiscordError, FirstAnswers, ReplyExpired, ReplyNotYet
from timmybot.services.answering import Answer
from timmybot.services.interactions import Interactions, message

log = logging.getLogger(__name__)

DEFER_AFTER_SECONDS: Final = 1.2
"""At the latest. A command that takes a second is still answered at once."""

TO_DEFER_SECONDS: Final = 1.3
"""What is kept of Discord's 3 s for the call that defers: one attempt that is lost, and one that is not."""

EDIT_PAUSES_SECONDS: Final = (0.3, 1.0, 2.0)
"""After an edit that Discord did not take: the deferral may be on its way, or Discord have a bad moment."""

EDIT_SECONDS: Final = 1.0
"""How long after the command's patience the edit is still tried: a Lambda function is stopped soon after."""

PRIVATE_WHEN_DEFERRED: Final = frozenset({"queue", "nowplaying", "history", "settings"})
"""Commands that show something to the member who asked. A deferral decides who sees the answer, before that is known.

A view loses nothing by being private, and its refusal stays private. The other commands change what everybody hears:
a change that nobody else sees would be worse than a refusal that they see, and is much more frequent when we are slow.
"""

_EPHEMERAL: Final = 1 << 6
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
            await self._wait(responding, min(self._defer_after(payload), patience_seconds))
            if responding.done():
                return await responding
            is_deferred = await self._deferred(payload)
            await self._wait(responding, patience_seconds - (self._clock.monotonic() - begun_at))
            if responding.done():
                body = await responding
            else:
                log.error("a command was given up after %.1f s", patience_seconds)
                body = message(Answer(TOO_LONG))
            until = begun_at + patience_seconds + EDIT_SECONDS
            is_edited = await self._edited(payload, body, surely_deferred=is_deferred, until=until)
            return None if is_deferred or is_edited else body
        finally:
            responding.cancel()
            await asyncio.gather(responding, return_exceptions=True)

    def _defer_after(self, payload: Any) -> float:
        asked = _number(payload, "id")
        left = FIRST_ANSWER_SECONDS if asked is None else seconds_left(InteractionId(asked), self._clock.now())
        return min(DEFER_AFTER_SECONDS, max(left - TO_DEFER_SECONDS, 0.0))

    async def _wait(self, responding: asyncio.Task[dict[str, Any]], seconds: float) -> None:
        pause = asyncio.create_task(self._clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait({responding, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()

    async def _deferred(self, payload: Any) -> bool:
        """Show "thinking"; return whether it surely is shown. It may be, where Discord's answer was lost."""
        if payload.get("type") != _APPLICATION_COMMAND:
            return False
        deferral: dict[str, Any] = {"type": _DEFERRED_MESSAGE}
        if _command(payload) in PRIVATE_WHEN_DEFERRED:
            deferral["data"] = {"flags": _EPHEMERAL}
        try:
            await self._answers.respond(InteractionId(int(payload["id"])), str(payload["token"]), deferral)
        except AlreadyAnswered as error:
            log.info("a slow command was not deferred: %s", error)
            return False
        except DiscordError:
            log.warning("nobody knows whether a slow command was deferred", exc_info=True)
            return False
        return True

    async def _edited(self, payload: Any, body: dict[str, Any], *, surely_deferred: bool, until: float) -> bool:
        """Put the answer in the place of "thinking", and return whether it is there.

        Without flags: an edit cannot change who sees the message. Source: Discord, Webhooks, "Edit Webhook Message".
        """
        data = {name: value for name, value in body["data"].items() if name != "flags"}
        asked, application_id = InteractionId(int(payload["id"])), int(payload["application_id"])
        for pause in (*EDIT_PAUSES_SECONDS, None):
            try:
                await self._answers.edit_response(asked, application_id, str(payload["token"]), data)
            except ReplyExpired as error:
                log.warning("a deferred command could not be answered: %s", error)
                return False
            except DiscordError as error:
                if isinstance(error, ReplyNotYet) and not surely_deferred:
                    return False  # The deferral was lost on its way there: this is the first answer.
                if pause is None or self._clock.monotonic() + pause > until:
                    log.warning("a deferred command could not be answered: %s", error)
                    return False
                await self._clock.sleep(pause)
            else:
                return True
        return False


def _command(payload: Any) -> object:
    data = payload.get("data")
    return data.get("name") if isinstance(data, dict) else None


def _number(payload: Any, name: str) -> int | None:
    """A snowflake of a payload that nobody has checked yet."""
    text = payload.get(name) if isinstance(payload, dict) else None
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 20 else None
