"""The gateway sessions of the shards that this worker owns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from timmybot.domain.ids import ShardId
from timmybot.domain.lease import GatewaySession

InteractionHandler = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Takes the payload of an INTERACTION_CREATE, as Discord sent it: hostile until checked."""


class GatewayRefused(Exception):
    """Discord refuses the session for good (wrong token, wrong intents, ...). ``str()`` says what to do."""


class ShardSessions(Protocol):
    async def open(self, shard_id: ShardId, session: GatewaySession | None) -> None:
        """Have a session on the shard: resume ``session`` if it can be, else identify within the budget.

        Returns once the session is ready, and keeps it up from then on. Opening an open shard does nothing.
        Raises :class:`GatewayRefused`.
        """
        ...

    async def close(self, shard_id: ShardId) -> GatewaySession | None:
        """Close the connection so that the session can still be resumed, and return what resuming needs."""
        ...

    def session(self, shard_id: ShardId) -> GatewaySession | None:
        """What a successor would need right now, if the shard is open."""
        ...

    def is_open(self, shard_id: ShardId) -> bool: ...
