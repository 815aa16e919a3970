"""The look at both sides while a fake Discord runs."""

from __future__ import annotations

from typing import Any

from sandbox.discord.shapes import received, sent

Json = dict[str, Any]

DISPATCH = 0
MOST = 20
"""How many faults are kept: one is enough to fail."""


class ShapeFault(AssertionError):
    """Something was sent that Discord, or a bot, does not send."""


class Look:
    """``faults`` are sentences, in their order. A test that provokes some clears them."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def gateway_sends(self, message: Json) -> None:
        if message["op"] == DISPATCH:
            self._note("Discord", sent.EVENTS.fault(message["t"], message["d"]))
        else:
            self._note("Discord", sent.FRAMES.fault(message["op"], message["d"]))

    def voice_sends(self, message: Json) -> None:
        self._note("Discord", sent.VOICE_FRAMES.fault(message["op"], message["d"]))

    def gateway_took(self, opcode: int, data: object) -> None:
        """A bot's frame was accepted."""
        self._note("the bot", received.FRAMES.fault(opcode, data))

    def voice_took(self, opcode: int, data: object) -> None:
        self._note("the bot", received.VOICE_FRAMES.fault(opcode, data))

    def rest_answered(self, route: str, body: object, answer: object) -> None:
        """A request was accepted, and answered so."""
        if body is not None:
            self._note("the bot", received.BODIES.fault(route, body))
        self._note("Discord", sent.ANSWERS.fault(route, answer))

    def endpoint_is_sent(self, interaction: Json) -> None:
        self._note("Discord", sent.EVENTS.fault("INTERACTION_CREATE", interaction))

    def endpoint_answered(self, answer: object) -> None:
        self._note("the bot", received.BODIES.fault("POST /interactions/{interaction_id}/{token}/callback", answer))

    def check(self) -> None:
        """Raises :class:`ShapeFault`."""
        if self.faults:
            raise ShapeFault("; ".join(self.faults))

    def _note(self, who: str, fault: str | None) -> None:
        if fault is not None and len(self.faults) < MOST:
            self.faults.append(f"{who} sent what is none: {fault}")
