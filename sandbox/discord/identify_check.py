"""What Discord looks at in an IDENTIFY before it counts it.

Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes (gateway close event codes).
"""

from __future__ import annotations

from typing import Any

from sandbox.discord.gateway_codes import (
    AUTHENTICATION_FAILED,
    DISALLOWED_INTENTS,
    INVALID_INTENTS,
    INVALID_SHARD,
)
from sandbox.discord.sessions import ALL_INTENTS, PRIVILEGED
from sandbox.discord.world import Application


def read_shard(value: Any) -> tuple[int, int]:
    """``[shard_id, num_shards]``. Raises :class:`TypeError` or :class:`ValueError`."""
    shard, of = value
    if not isinstance(shard, int) or not isinstance(of, int):
        raise TypeError("a shard is two integers")
    return shard, of


def fault_of(app: Application | None, shard: tuple[int, int], intents: Any) -> int | None:
    """The code to close with, or ``None`` if there is nothing wrong with it."""
    if app is None:
        return AUTHENTICATION_FAILED
    if not 0 <= shard[0] < shard[1]:
        return INVALID_SHARD
    if not isinstance(intents, int) or intents & ~ALL_INTENTS:
        return INVALID_INTENTS
    if intents & PRIVILEGED & ~app.privileged_intents:
        return DISALLOWED_INTENTS
    return None
