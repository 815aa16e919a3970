"""What is sent over a voice websocket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]


@dataclass(frozen=True)
class Send:
    """Send this as JSON. It may hold the voice token: never log it."""

    frame: Frame = field(repr=False)


@dataclass(frozen=True)
class SendBinary:
    """Send this as a binary message: the opcode's byte, then the payload. Only DAVE has them."""

    op: int
    payload: bytes = field(repr=False)

    @property
    def message(self) -> bytes:
        return bytes([self.op]) + self.payload
