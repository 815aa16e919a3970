"""From an interaction's payload to the body that answers it, over HTTP and over the gateway alike.

Source: Discord, Interactions, "Interaction Response Object".
"""

from __future__ import annotations

import logging
from typing import Any

from timmybot.services.answering import Answer, Answering
from timmybot.services.invocation import PING, NotInAGuild, parse

log = logging.getLogger(__name__)

_PONG = 1
_MESSAGE = 4
_EPHEMERAL = 1 << 6


class Interactions:
    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def respond(self, payload: Any) -> dict[str, Any]:
        """The body to answer with. Raises ``BadPayload``; an unforeseen failure is answered, and logged."""
        if isinstance(payload, dict) and payload.get("type") == PING:
            return {"type": _PONG}
        try:
            invocation = parse(payload)
        except NotInAGuild as refusal:
            return message(Answer(str(refusal), ephemeral=True))
        try:
            return message(await self._answering.answer(invocation))
        except Exception:
            log.exception("the command %s failed in guild %d", invocation.command, invocation.guild_id)
            return message(Answer("Something went wrong on my side. It is in my log.", ephemeral=True))


def message(answer: Answer) -> dict[str, Any]:
    """A message as the interaction's answer. Nobody is mentioned by it: titles are hostile input."""
    return {
        "type": _MESSAGE,
        "data": {
            "content": answer.content,
            "allowed_mentions": {"parse": []},
            "flags": _EPHEMERAL if answer.ephemeral else 0,
        },
    }
