"""The line between a bot and Discord: how long what is sent is on its way, and what is lost there.

A first answer, over the callback route or from the endpoint, counts when Discord has taken it in, which is
``latency_seconds`` after the bot gave it. Every other request arrives after half of that, and its answer is back after
the other half: so an edit that is sent together with the first answer overtakes it, as it does on the real Discord.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

USUAL_LATENCY_SECONDS = 0.15
"""What a bot at home, or in a region across an ocean, measures to Discord's REST API."""


class Lost(Enum):
    """What a bad line does to a request. Either way the bot never hears."""

    REQUEST = "the request never arrives"
    ANSWER = "the request is carried out, and its answer never comes"


Trouble = Callable[[str, str], Lost | int | None]
"""From a method and a path below the API's prefix to what is lost, or to the 5xx that is answered instead."""


def no_trouble(_method: str, _path: str) -> Lost | int | None:
    """Every request arrives, and so does every answer."""
    return None


@dataclass
class Line:
    """Settable by tests. An endpoint's answer is asked about as ``("ENDPOINT", its URL)``."""

    latency_seconds: float = 0.0
    first_answer_seconds: float | None = None
    """Of a first answer, where it is not ``latency_seconds``."""
    trouble: Trouble = no_trouble
    silence_seconds: float = 30.0
    """How long the connection of something lost stays open, unless the bot closes it before."""

    def first_answer(self) -> float:
        """Seconds until a first answer has been taken in."""
        return self.latency_seconds if self.first_answer_seconds is None else self.first_answer_seconds
