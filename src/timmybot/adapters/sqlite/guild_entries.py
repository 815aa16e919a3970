"""The entries of one guild's queue, in the table ``entry``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from sqlite3 import Connection

from timmybot.adapters.sqlite.database import from_text, to_text
from timmybot.domain.change import Change
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import GuildId, OrderKey
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.ports.clock import Clock
from timmybot.ports.records.fields import Record, Unreadable
from timmybot.ports.records.guild import HISTORY_KEPT_SECONDS, entry_of, entry_record
from timmybot.ports.records.stepping import Walk

log = logging.getLogger(__name__)

Item = tuple[Entry | None, Record]
"""``None`` for a row that cannot be understood."""

_OF_A_GENERATION = "SELECT order_key, record FROM entry WHERE guild_id = ? AND generation = ?"


class GuildEntries:
    """The entries of one guild. See :class:`~timmybot.ports.guild_store.GuildStore` for what each method gives.

    Every method works on the transaction of the connection that it is given.
    """

    def __init__(self, clock: Clock, guild_id: GuildId) -> None:
        self._clock = clock
        self._guild_id = guild_id

    def entry(self, connection: Connection, generation: int, key: OrderKey) -> Entry | None:
        row = connection.execute(f"{_OF_A_GENERATION} AND order_key = ?", (self._guild_id, generation, key)).fetchone()
        return self._item(*row)[0] if row else None

    def after(self, connection: Connection, generation: int, after: OrderKey, limit: int) -> list[Entry]:
        return self._first(self._behind(connection, generation, after), limit)

    def history(self, connection: Connection, of: GuildState, limit: int) -> list[Entry]:
        return self._first(self._before(connection, of), limit)

    def step(self, connection: Connection, of: GuildState, by: int) -> Step:
        walk = Walk(by)
        towards = self._behind(connection, of.generation, of.head) if by > 0 else self._before(connection, of)
        for entry, record in towards:
            if step := walk.meet(entry, record):
                return step
        return walk.give_up()

    def write(self, connection: Connection, change: Change) -> None:
        """Write what of a change is about entries."""
        self.prepare(connection, change.state.generation, change.add + change.replace, change.remove)

    def prepare(
        self, connection: Connection, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey]
    ) -> None:
        connection.executemany(
            "REPLACE INTO entry (guild_id, generation, order_key, record) VALUES (?, ?, ?, ?)",
            [(self._guild_id, generation, entry.key, to_text(entry_record(entry))) for entry in put],
        )
        connection.executemany(
            "DELETE FROM entry WHERE guild_id = ? AND generation = ? AND order_key = ?",
            [(self._guild_id, generation, key) for key in remove],
        )

    def sweep(self, connection: Connection, of: GuildState) -> bool:
        kept = of.generation if of.kept_generation is None else of.kept_generation
        connection.execute(
            "DELETE FROM entry WHERE guild_id = ? AND generation < ? AND generation NOT IN (?, ?)",
            (self._guild_id, of.generations, of.generation, kept),
        )
        return False

    def retire(self, connection: Connection, generation: int, keys: Sequence[OrderKey]) -> None:
        now = self._clock.now()
        connection.executemany(
            "UPDATE entry SET expires_at = ? WHERE guild_id = ? AND generation = ? AND order_key = ?",
            [(now + HISTORY_KEPT_SECONDS, self._guild_id, generation, key) for key in keys],
        )
        connection.execute("DELETE FROM entry WHERE guild_id = ? AND expires_at <= ?", (self._guild_id, now))

    def _behind(self, connection: Connection, generation: int, after: OrderKey) -> Iterator[Item]:
        rows = connection.execute(
            f"{_OF_A_GENERATION} AND order_key > ? ORDER BY order_key", (self._guild_id, generation, after)
        )
        return (self._item(key, text) for key, text in rows)

    def _before(self, connection: Connection, of: GuildState) -> Iterator[Item]:
        """From the current entry back, itself left out; from the head back if nothing plays."""
        rows = connection.execute(
            f"{_OF_A_GENERATION} AND order_key {'<' if of.is_begun else '<='} ? "
            "AND (expires_at IS NULL OR expires_at > ?) ORDER BY order_key DESC",
            (self._guild_id, of.generation, of.head, self._clock.now()),
        )
        return (self._item(key, text) for key, text in rows)

    def _first(self, items: Iterator[Item], limit: int) -> list[Entry]:
        found: list[Entry] = []
        while len(found) < limit and (item := next(items, None)):
            if item[0]:
                found.append(item[0])
        return found

    def _item(self, key: str, text: object) -> Item:
        record = from_text(text)
        try:
            return entry_of(OrderKey(key), record), record
        except Unreadable as why:
            log.warning("guild %s: stored entry %s is set aside: %s", self._guild_id, key, why)
            return None, record
