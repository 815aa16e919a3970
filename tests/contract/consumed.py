"""What calls cost in DynamoDB: write units as the emulator reports them, read units by AWS's formula.

Sources: DynamoDB developer guide, "DynamoDB item sizes and formats" and "DynamoDB on-demand capacity": a strongly
consistent read is a unit for each 4 KB, an eventually consistent one half of that; a query counts what it found as one.
The emulator's own figure for queries is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from timmybot.adapters.dynamodb.attributes import Item

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
_READS = ("GetItem", "Query")
_READ_UNIT = 4096
_CONSISTENT = "consistent read"
"""Where a call's context says how it reads."""


@dataclass(frozen=True)
class Units:
    write: float = 0.0
    read: float = 0.0


class Meter:
    """Listens to a client's calls. :meth:`read` gives what they have cost since it was last asked."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._write = self._read = 0.0
        events = client.meta.events
        for operation in _WRITES:
            events.register(f"provide-client-params.dynamodb.{operation}", _ask)
            events.register(f"after-call.dynamodb.{operation}", self._hear_write)
        for operation in _READS:
            events.register(f"provide-client-params.dynamodb.{operation}", _note_consistency)
            events.register(f"after-call.dynamodb.{operation}", self._hear_read)

    def read(self) -> Units:
        used = Units(self._write, self._read)
        self._write = self._read = 0.0
        return used

    def _hear_write(self, parsed: dict[str, Any], **_: object) -> None:
        capacity = parsed.get("ConsumedCapacity") or []
        self._write += sum(each["CapacityUnits"] for each in (capacity if isinstance(capacity, list) else [capacity]))

    def _hear_read(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        items = parsed["Items"] if "Items" in parsed else [parsed.get("Item", {})]
        units = max(ceil(sum(size(item) for item in items) / _READ_UNIT), 1)
        self._read += units if context[_CONSISTENT] else units / 2


def size(item: Item) -> int:
    """Bytes, rounded up."""
    return sum(len(name) + _attribute_size(value) for name, value in item.items())


def _note_consistency(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context[_CONSISTENT] = params.get("ConsistentRead", False)


def _ask(params: dict[str, Any], **_: object) -> None:
    params["ReturnConsumedCapacity"] = "INDEXES"


def _attribute_size(attribute: Any) -> int:
    match attribute:
        case {"S": str(text)}:
            return len(text.encode())
        case {"N": str(digits)}:
            return (len(digits.lstrip("-")) + 1) // 2 + 2
        case {"L": list(each)}:
            return 3 + sum(1 + _attribute_size(one) for one in each)
        case {"M": dict(members)}:
            return 3 + sum(1 + len(name) + _attribute_size(one) for name, one in members.items())
    return 1
