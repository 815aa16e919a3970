"""The identify budget in the table ``coordination``: ``IDENTIFY``/``<bucket>`` says when the bucket is free again."""

from __future__ import annotations

from timmybot.adapters.dynamodb.table import Clause, ConditionFailed, Table
from timmybot.domain.ids import ShardId
from timmybot.ports.identify_budget import BUCKET_SECONDS, IdentifyBudget
from timmybot.ports.records.coordination import RESERVATION_BELIEVED_SECONDS
from timmybot.ports.records.fields import SCHEMA

_IDENTIFY = "IDENTIFY"


class DynamoIdentifyBudget(IdentifyBudget):
    def __init__(self, table: Table) -> None:
        self._table = table

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        never_used = Clause("NOT attribute_type(#free_at, :number)", {":number": "N"})
        free_again = Clause("#free_at <= :now", {":now": now})
        believed_until = now + RESERVATION_BELIEVED_SECONDS
        written_under_a_broken_clock = Clause("#free_at > :believed_until", {":believed_until": believed_until})
        reserved = {"schema": SCHEMA, "free_at": now + BUCKET_SECONDS, "expires_at": int(believed_until)}
        try:
            await self._table.update(
                (_IDENTIFY, str(shard_id % max_concurrency)),
                reserved,
                remove=(),
                when=never_used | free_again | written_under_a_broken_clock,
            )
        except ConditionFailed as failed:
            free_at = (failed.stored or {}).get("free_at")
            assert isinstance(free_at, int | float)  # or the condition would have held
            return min(free_at - now, BUCKET_SECONDS)
        return 0.0
