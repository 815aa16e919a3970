"""JSON Schema in short, and its compiled checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import fastjsonschema

Schema = dict[str, Any]

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
NOTHING: Schema = {"type": "null"}
OBJECT: Schema = {"type": "object"}
ID: Schema = {"type": "string", "pattern": "^[0-9]{1,20}$"}
"""A snowflake. Source: https://docs.discord.com/developers/reference ("Snowflakes"): a string in JSON."""
RIGHTS: Schema = {"type": "string", "pattern": "^[0-9]+$"}
"""Source: https://docs.discord.com/developers/topics/permissions: "permissions are serialized as strings"."""
TIME: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$"}


def maybe(schema: Schema) -> Schema:
    """Or ``null``."""
    return {"anyOf": [schema, NOTHING]}


def listed(schema: Schema, **more: int) -> Schema:
    return {"type": "array", "items": schema, **more}


def closed(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object that has no other fields."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def any_of(names: str) -> dict[str, Schema]:
    """Fields by their names, of which nothing else is said."""
    return dict.fromkeys(names.split(), ANYTHING)


class Table:
    """Schemas by a key, compiled when first needed."""

    def __init__(self, name: str, schemas: Mapping[Any, Schema]) -> None:
        self.name = name
        self._schemas = schemas
        self._compiled: Callable[[Any], Callable[[Any], Any]] = cache(self._compile)

    def names(self) -> list[Any]:
        return list(self._schemas)

    def fault(self, key: Any, value: object) -> str | None:
        """What is wrong with it; ``None`` if nothing is. A key that the table does not have is wrong."""
        if key not in self._schemas:
            return f"{self.name}: there is nothing called {key}"
        try:
            self._compiled(key)(value)
        except fastjsonschema.JsonSchemaValueException as error:
            return f"{self.name} {key}: {error.message}"
        return None

    def _compile(self, key: Any) -> Callable[[Any], Any]:
        check: Callable[[Any], Any] = fastjsonschema.compile(self._schemas[key])
        return check
