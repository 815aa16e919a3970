"""The entries of one guild's queue: items ``Q#<generation>#<order key>`` of its partition."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from timmybot.adapters.dynamodb.table import Clause, ConditionFailed, Delete, Key, Put, Table
from timmybot.domain.change import Change
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import OrderKey
from timmybot.domain.order_key import START
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.ports.clock import Clock
from timmybot.ports.records.fields import Record, Unreadable, integer_or_zero
from timmybot.ports.records.guild import HISTORY_KEPT_SECONDS, entry_of, entry_record
from timmybot.ports.records.stepping import Walk

log = logging.getLogger(__name__)

_SWEPT_AT_ONCE = 200
"""Items: eight batches. Whoever sweeps has more to do than that."""

_FIRST_KEY, _LAST_KEY = " ", "~"
"""Order keys are printable ASCII and start with a digit."""

Item = tuple[OrderKey, Entry | None, Record]
"""``None`` for an item that cannot be understood."""


class GuildEntries:
    """The entries in one partition. See :class:`~timmybot.ports.guild_store.GuildStore` for what each method gives."""

    def __init__(self, table: Table, clock: Clock, partition: str) -> None:
        self._table = table
        self._clock = clock
        self._partition = partition

    async def entry(self, generation: int, key: OrderKey) -> Entry | None:
        if key == START:
            return None
        record = await self._table.get(self._key(generation, key))
        return None if record is None else self._readable(_prefix(generation) + key, key, record)

    async def after(self, generation: int, after: OrderKey, limit: int) -> list[Entry]:
        found: list[Entry] = []
        async with aclosing(self._behind(generation, after, page=limit)) as items:
            async for _, entry, _ in items:
                if entry:
                    found.append(entry)
                if len(found) >= limit:
                    break
        return found

    async def history(self, of: GuildState, limit: int) -> list[Entry]:
        found: list[Entry] = []
        async with aclosing(self._before(of, page=limit)) as items:
            async for _, entry, record in items:
                if entry and not self._is_over(record):
                    found.append(entry)
                if len(found) >= limit:
                    break
        return found

    async def step(self, of: GuildState, by: int) -> Step:
        walk, page = Walk(by), abs(by) + 1
        towards = self._behind(of.generation, of.head, page=page) if by > 0 else self._before(of, page=page)
        async with aclosing(towards) as items:
            async for _, entry, record in items:
                if by < 0 and self._is_over(record):
                    break
                if step := walk.meet(entry, record):
                    return step
        return walk.give_up()

    def writes(self, change: Change) -> list[Put | Delete]:
        """What of a change is about entries."""
        generation = change.state.generation
        return [
            *(Put(self._key(generation, entry.key), entry_record(entry)) for entry in change.add + change.replace),
            *(Delete(self._key(generation, key)) for key in change.remove),
        ]

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey]) -> None:
        await self._table.write_all(
            [
                *(Put(self._key(generation, entry.key), entry_record(entry)) for entry in put),
                *(Delete(self._key(generation, key)) for key in remove),
            ]
        )

    async def sweep(self, of: GuildState) -> bool:
        # Only ranges between what lives are looked at: a long queue costs a sweep nothing.
        living = {of.generation, of.generations, *(() if of.kept_generation is None else (of.kept_generation,))}
        first = "Q#"
        for number in sorted(living):
            found = await self._table.sort_keys(self._partition, first, _prefix(number), limit=_SWEPT_AT_ONCE)
            dead = [item for item in found if _generation(item) not in living and _generation(item) < of.generations]
            await self._table.write_all([Delete((self._partition, item)) for item in dead])
            if len(found) == _SWEPT_AT_ONCE:
                return bool(dead)
            first = _prefix(number) + _LAST_KEY
        return False

    async def retire(self, generation: int, keys: Sequence[OrderKey]) -> None:
        expires_at = {"expires_at": int(self._clock.now() + HISTORY_KEPT_SECONDS)}
        for key in keys:
            try:
                await self._table.update(
                    self._key(generation, key), expires_at, (), Clause("attribute_exists(#entry_id)")
                )
            except ConditionFailed:
                continue

    async def _behind(self, generation: int, after: OrderKey, page: int) -> AsyncGenerator[Item, None]:
        prefix = _prefix(generation)
        # A space sorts before whatever a key is made of: this is behind `after`, and before the key that follows it.
        found = self._table.query(self._partition, f"{prefix}{after}{_FIRST_KEY}", prefix + _LAST_KEY, page=page)
        async with aclosing(found) as rows:
            async for item, record in rows:
                yield self._item(prefix, item, record)

    async def _before(self, of: GuildState, page: int) -> AsyncGenerator[Item, None]:
        """From the current entry back, itself left out; from the head back if nothing plays."""
        if of.head == START:
            return  # DynamoDB refuses a range whose end is before its beginning.
        prefix = _prefix(of.generation)
        last = prefix + of.head
        found = self._table.query(self._partition, prefix + _FIRST_KEY, last, page=page + 1, backward=True)
        async with aclosing(found) as rows:
            async for item, record in rows:
                if item != last or not of.is_begun:
                    yield self._item(prefix, item, record)

    def _item(self, prefix: str, item: str, record: Record) -> Item:
        key = OrderKey(item.removeprefix(prefix))
        return key, self._readable(item, key, record), record

    def _is_over(self, record: Record) -> bool:
        """DynamoDB may leave an expired item readable for days."""
        return 0 < integer_or_zero(record.get("expires_at")) <= self._clock.now()

    def _readable(self, item: str, key: OrderKey, record: Record) -> Entry | None:
        try:
            return entry_of(key, record)
        except Unreadable as why:
            log.warning("guild %s: stored item %s is set aside: %s", self._partition, item, why)
            return None

    def _key(self, generation: int, key: OrderKey) -> Key:
        return self._partition, _prefix(generation) + key


def _prefix(generation: int) -> str:
    return f"Q#{generation:06d}#"


def _generation(item: str) -> int:
    digits = item.split("#")[1]
    return int(digits) if digits.isdecimal() else 0
