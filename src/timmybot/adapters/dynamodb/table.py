"""One DynamoDB table, spoken to in plain records.

Calls run on the table's own threads, so that a burst of commands in one table never delays a heartbeat in the
other. Vendor errors are translated here and nowhere else:

    ConditionFailed      the item is not what the condition asks for; carries the item
    Contended            another transaction has hold of the item just now; nothing was written
    StoreUnavailable     throttled, timed out, unreachable, or failing; a write may or may not have taken effect
    StoreError           anything else DynamoDB refuses: a missing table, a missing right, a mistake of ours

**A write that times out may have taken effect**, and botocore's retry then fails on its own success. So every
conditional write stamps the item with a ``write_id`` drawn for it; a condition that fails on an item with that stamp
has not failed. A transaction needs none of this (botocore sends one ``ClientRequestToken`` with all its tries).
If someone else has written over it in between, the failure stands: whoever then reads again finds what was done (the
interaction remembered, the playing gone).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError

from timmybot.adapters.dynamodb.attributes import from_item, to_item
from timmybot.ports.guild_store import StoreError, StoreUnavailable
from timmybot.ports.records.fields import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

Key = tuple[str, str]
"""Partition and sort key of an item."""

TRANSACTION_LIMIT = 100
"""Source: DynamoDB, "Service, account, and table quotas": actions in one TransactWriteItems."""

BATCH_LIMIT = 25
"""Source: DynamoDB API reference, BatchWriteItem: put and delete requests in one call."""

_BATCH_TRIES = 8
"""A batch is left undone in part when the table throttles; each try then does some of it."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.8
"""Between those tries, doubled each time. A partition takes 1,000 write units a second (source: DynamoDB developer
guide, "Partitions and data distribution"), so that what is left of 5,000 is taken within seconds."""

_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class ConditionFailed(Exception):
    """The condition of a write does not hold. Nothing was written."""

    def __init__(self, stored: Record | None) -> None:
        super().__init__("the condition of a write does not hold")
        self.stored = stored
        """The item as it is; ``None`` if there is none."""


class Contended(Exception):
    """A transaction of someone else's has hold of the item. Nothing was written."""


@dataclass(frozen=True)
class Clause:
    """A condition. ``#name`` stands for an attribute (DynamoDB reserves many good names), ``:name`` for a value."""

    expression: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __and__(self, other: Clause) -> Clause:
        return Clause(f"({self.expression}) AND ({other.expression})", {**self.values, **other.values})

    def __or__(self, other: Clause) -> Clause:
        return Clause(f"({self.expression}) OR ({other.expression})", {**self.values, **other.values})


@dataclass(frozen=True)
class Put:
    key: Key
    record: Record
    when: Clause | None = None


@dataclass(frozen=True)
class Delete:
    key: Key


class Table:
    """One table. Every method raises :class:`StoreUnavailable` and :class:`StoreError`."""

    def __init__(self, client: DynamoDBClient, name: str, keys: Key, *, threads: int) -> None:
        self._client = client
        self._name = name
        self._partition, self._sort = keys
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def close(self) -> None:
        """Wait for what is under way (seconds at most, by the time-outs), and take nothing more."""
        self._threads.shutdown()

    async def get(self, key: Key) -> Record | None:
        answer = await self._run(self._client.get_item, TableName=self._name, Key=self._key(key), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    async def query(
        self,
        partition: str,
        first: str,
        last: str,
        *,
        page: int = 0,
        backward: bool = False,
        consistent: bool = True,
    ) -> AsyncGenerator[tuple[str, Record], None]:
        """The items of a partition from ``first`` to ``last``, both included, with their sort keys.

        ``page`` is how many items one call reads; 0 is as many as fit into one answer (1 MB). ``backward`` gives the
        last first. Not ``consistent``, it costs half, and may miss what was written in the last moments.
        """
        clause = self._range(partition, first, last)
        async for item in self._pages(clause, page, ConsistentRead=consistent, ScanIndexForward=not backward):
            yield str(item[self._sort]), item

    async def sort_keys(self, partition: str, first: str, last: str, *, limit: int) -> list[str]:
        """The sort keys alone of at most ``limit`` items; what lags behind by moments may be missing."""
        clause = self._range(partition, first, last)
        found: list[str] = []
        async with aclosing(self._pages(clause, limit, ProjectionExpression=f"#{self._sort}")) as items:
            async for item in items:
                found.append(str(item[self._sort]))
                if len(found) >= limit:
                    break
        return found

    async def in_index(self, index: str, attribute: str, value: object) -> AsyncGenerator[Record, None]:
        """The items that an index holds under ``value``. It lags behind the table by some milliseconds to seconds."""
        async for item in self._pages(Clause(f"#{attribute} = :value", {":value": value}), 0, IndexName=index):
            yield item

    async def put(self, put: Put) -> None:
        """Write one item over whatever is there. Raises :class:`ConditionFailed` and :class:`Contended`."""
        write_id = _new_write_id()
        try:
            stamped = replace(put, record={**put.record, "write_id": write_id}) if put.when else put
            await self._run(self._client.put_item, **self._put(stamped))
        except ConditionFailed as failed:
            if not _is_own_write(failed, write_id):
                raise

    async def put_and_delete(self, first: Put, then: Sequence[Put | Delete]) -> None:
        """All of it or nothing. Only ``first`` has a condition.

        Raises :class:`ConditionFailed` and :class:`Contended`, and ``ValueError`` for more than a transaction holds.
        """
        if len(then) >= TRANSACTION_LIMIT:
            raise ValueError(f"a change writes at most {TRANSACTION_LIMIT - 1} items beside the state, not {len(then)}")
        actions: list[dict[str, object]] = [{"Put": self._put(first)}]
        for each in then:
            if isinstance(each, Put):
                actions.append({"Put": self._put(each)})
            else:
                actions.append({"Delete": {"TableName": self._name, "Key": self._key(each.key)}})
        await self._run(self._client.transact_write_items, TransactItems=actions)

    async def write_all(self, writes: Sequence[Put | Delete]) -> None:
        """Any number of unconditional writes, some at a time. What fails in the middle has happened in part."""
        batches = [writes[start : start + BATCH_LIMIT] for start in range(0, len(writes), BATCH_LIMIT)]
        await asyncio.gather(*(self._write_batch(batch) for batch in batches))

    async def _write_batch(self, batch: Sequence[Put | Delete]) -> None:
        requests: dict[str, Any] = {self._name: [self._batched(write) for write in batch]}
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_BATCH_TRIES):
            answer = await self._run(self._client.batch_write_item, RequestItems=requests)
            requests = dict(answer.get("UnprocessedItems") or {})
            if not requests:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        raise StoreUnavailable("DynamoDB left part of a batch undone, again and again")

    def _batched(self, write: Put | Delete) -> dict[str, Any]:
        if isinstance(write, Put):
            return {"PutRequest": {"Item": to_item(write.record) | self._key(write.key)}}
        return {"DeleteRequest": {"Key": self._key(write.key)}}

    async def update(self, key: Key, assign: Record, remove: Iterable[str], when: Clause) -> Record:
        """Set and remove some attributes of an item, made if need be; return all of it.

        Raises :class:`ConditionFailed`.
        """
        write_id = _new_write_id()
        assigned = {**assign, "write_id": write_id}
        expression = "SET " + ", ".join(f"#{name} = :set_{name}" for name in assigned)
        if removed := ", ".join(f"#{name}" for name in remove):
            expression += f" REMOVE {removed}"
        values = {**when.values, **{f":set_{name}": value for name, value in assigned.items()}}
        try:
            answer = await self._run(
                self._client.update_item,
                TableName=self._name,
                Key=self._key(key),
                UpdateExpression=expression,
                ConditionExpression=when.expression,
                ExpressionAttributeNames=_names(expression + when.expression),
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failed:
            if failed.stored is None or not _is_own_write(failed, write_id):
                raise
            return failed.stored
        return from_item(answer["Attributes"])

    async def delete(self, key: Key) -> None:
        await self._run(self._client.delete_item, TableName=self._name, Key=self._key(key))

    def _range(self, partition: str, first: str, last: str) -> Clause:
        return Clause(
            f"#{self._partition} = :partition AND #{self._sort} BETWEEN :first AND :last",
            {":partition": partition, ":first": first, ":last": last},
        )

    def _key(self, key: Key) -> dict[str, Any]:
        return to_item(dict(zip((self._partition, self._sort), key, strict=True)))

    def _put(self, put: Put) -> dict[str, Any]:
        arguments: dict[str, Any] = {"TableName": self._name, "Item": to_item(put.record) | self._key(put.key)}
        if put.when is None:
            return arguments
        arguments |= {
            "ConditionExpression": put.when.expression,
            "ExpressionAttributeNames": _names(put.when.expression),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return arguments | ({"ExpressionAttributeValues": to_item(put.when.values)} if put.when.values else {})

    async def _pages(self, condition: Clause, page: int, **arguments: object) -> AsyncGenerator[Record, None]:
        arguments |= {
            "TableName": self._name,
            "KeyConditionExpression": condition.expression,
            "ExpressionAttributeNames": _names(condition.expression),
            "ExpressionAttributeValues": to_item(condition.values),
        }
        if page:
            arguments["Limit"] = page
        while True:
            answer = await self._run(self._client.query, **arguments)
            for item in answer["Items"]:
                yield from_item(item)
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def _run(self, call: Callable[..., T], **arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(_translated, call, arguments))


def _translated(call: Callable[..., T], arguments: Mapping[str, object]) -> T:
    try:
        return call(**arguments)
    except ClientError as error:
        raise _translation(error) from error
    except (BotocoreConnectionError, HTTPClientError) as error:
        raise StoreUnavailable(f"DynamoDB did not answer ({type(error).__name__})") from error
    except BotoCoreError as error:
        raise StoreError(f"DynamoDB cannot be called: {error}") from error


def _translation(error: ClientError) -> Exception:
    answer: Mapping[str, Any] = error.response
    code = answer.get("Error", {}).get("Code", "unknown")
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(_stored(answer))
    if code == "TransactionConflictException":
        return Contended()
    if code == "TransactionCanceledException":
        reasons = answer.get("CancellationReasons") or [{}]
        codes = {reason.get("Code") for reason in reasons}
        if reasons[0].get("Code") in ("ConditionalCheckFailed", "ConditionalCheckFailedException"):
            return ConditionFailed(_stored(reasons[0]))
        if "TransactionConflict" in codes:
            return Contended()
        code = next((each for each in codes if each in _TRANSIENT), code)
    if code in _TRANSIENT or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return StoreUnavailable(f"DynamoDB is not able to answer just now ({code})")
    return StoreError(f"DynamoDB refused: {code}")


def _stored(failure: Mapping[str, Any]) -> Record | None:
    return from_item(failure["Item"]) if failure.get("Item") else None


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}


def _new_write_id() -> str:
    return secrets.token_hex(8)


def _is_own_write(failed: ConditionFailed, write_id: str) -> bool:
    return failed.stored is not None and failed.stored.get("write_id") == write_id
