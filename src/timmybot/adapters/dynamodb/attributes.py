"""Plain values as DynamoDB's typed attributes, and back.

Source: DynamoDB API reference, ``AttributeValue``: every value is a mapping of one type letter to a text, flag, list
or mapping; numbers travel as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef as Attribute

Item = dict[str, "Attribute"]


def to_attribute(value: object) -> Attribute:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [to_attribute(each) for each in value]}
        case dict():
            return {"M": to_item(value)}
    raise TypeError(f"no record holds a {type(value).__name__}")


def to_item(record: Mapping[str, object]) -> Item:
    return {name: to_attribute(value) for name, value in record.items()}


def from_attribute(attribute: Mapping[str, object]) -> object:
    """The plain value; ``None`` for types that we never write, which no reader of a record accepts."""
    match attribute:
        case {"S": str(text)}:
            return text
        case {"N": str(digits)}:
            return int(digits) if digits.lstrip("-").isdecimal() else float(digits)
        case {"BOOL": bool(flag)}:
            return flag
        case {"L": list(each)}:
            return [from_attribute(one) for one in each]
        case {"M": dict(members)}:
            return from_item(members)
    return None


def from_item(item: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    return {name: from_attribute(attribute) for name, attribute in item.items()}
