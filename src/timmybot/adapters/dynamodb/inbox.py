"""The inbox in the table ``coordination``: ``INBOX``/``<milliseconds written at>#<nudge id>``, in order of time.

It is read twice a second by every worker, and is read eventually consistent: that costs half, and a nudge that a
replica does not know yet is found by one of the next reads, which overlap (source: DynamoDB developer guide, "Read
consistency").
"""

from __future__ import annotations

import logging

from timmybot.adapters.dynamodb.table import Put, Table
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.records.coordination import nudge_of, nudge_record
from timmybot.ports.records.fields import Unreadable

log = logging.getLogger(__name__)

_INBOX = "INBOX"
_LAST = "9" * 13 + "~"


class DynamoInbox(Inbox):
    def __init__(self, table: Table) -> None:
        self._table = table

    async def post(self, nudge: Nudge) -> None:
        await self._table.put(Put((_INBOX, f"{_milliseconds(nudge.written_at)}#{nudge.nudge_id}"), nudge_record(nudge)))

    async def read(self, since: float) -> list[Nudge]:
        found: list[Nudge] = []
        async for item, record in self._table.query(_INBOX, _milliseconds(since), _LAST, consistent=False):
            try:
                found.append(nudge_of(record))
            except Unreadable as why:
                log.warning("stored nudge %s is set aside: %s", item, why)
        return [nudge for nudge in found if nudge.written_at >= since]


def _milliseconds(time: float) -> str:
    return f"{int(max(time, 0.0) * 1000):013d}"
