"""Application commands: what may be registered, and what Discord's client lets a member send.

Source: https://docs.discord.com/developers/interactions/application-commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from sandbox.discord import payloads
from sandbox.discord.rest_errors import Form

if TYPE_CHECKING:
    from sandbox.discord.world import Guild

Json = dict[str, Any]
Path = tuple[str | int, ...]

CHAT_INPUT = 1
NAME = re.compile(r"^[-_'\w]{1,32}$")
COMMANDS_LIMIT, OPTIONS_LIMIT, CHOICES_LIMIT = 100, 25, 25


class OptionType(IntEnum):
    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


PYTHON_TYPE: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.BOOLEAN: (bool,),
    OptionType.NUMBER: (int, float),
}
SNOWFLAKE_TYPES = {OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE}


class NotOffered(Exception):
    """Discord's client would not let a member send this: no such command or option, or a value it refuses."""


def validate(body: object) -> list[Json]:
    """Check the body of a bulk overwrite. Raises :class:`~sandbox.discord.rest_errors.ApiError` 50035."""
    form = Form()
    if not isinstance(body, list) or not all(isinstance(command, dict) for command in body):
        form.fault((), "BASE_TYPE_BAD_TYPE", "Expected a list of commands")
        form.check()
    assert isinstance(body, list)
    if len(body) > COMMANDS_LIMIT:
        form.fault((), "BASE_TYPE_MAX_LENGTH", f"Must be {COMMANDS_LIMIT} or fewer in length.")
    names = [command.get("name") for command in body]
    for index, command in enumerate(body):
        if names.index(command.get("name")) != index:
            form.fault((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        _check_named(form, (index,), command, describe=command.get("type", CHAT_INPUT) == CHAT_INPUT)
        _check_options(form, (index, "options"), command.get("options", []))
    form.check()
    return body


def _check_named(form: Form, path: Path, thing: Json, *, describe: bool) -> None:
    name = thing.get("name")
    if form.text((*path, "name"), name, 1, 32):
        assert isinstance(name, str)
        if describe and (not NAME.match(name) or name != name.lower()):
            form.fault((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if describe:
        form.text((*path, "description"), thing.get("description"), 1, 100)


def _check_options(form: Form, path: Path, options: object) -> None:
    if not isinstance(options, list) or len(options) > OPTIONS_LIMIT:
        form.fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be a list of {OPTIONS_LIMIT} or fewer.")
        return
    optional_seen = False
    for index, option in enumerate(options):
        here = (*path, index)
        if not isinstance(option, dict) or option.get("type") not in list(OptionType):
            form.fault((*here, "type"), "BASE_TYPE_CHOICES", "Value must be one of 1 to 11.")
            continue
        _check_named(form, here, option, describe=True)
        if option["type"] in (OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP):
            _check_options(form, (*here, "options"), option.get("options", []))
            continue
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            form.fault(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        _check_choices(form, here, option)


def _check_choices(form: Form, path: Path, option: Json) -> None:
    choices = option.get("choices", [])
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        form.fault((*path, "choices"), "BASE_TYPE_BAD_TYPE", "Expected a list of choices")
        return
    if choices and option.get("autocomplete"):
        message = "Choices and autocomplete exclude each other"
        form.fault((*path, "autocomplete"), "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES", message)
    if len(choices) > CHOICES_LIMIT:
        form.fault((*path, "choices"), "BASE_TYPE_MAX_LENGTH", f"Must be {CHOICES_LIMIT} or fewer in length.")
    for index, choice in enumerate(choices):
        form.text((*path, "choices", index, "name"), choice.get("name"), 1, 100)
        if not isinstance(choice.get("value"), PYTHON_TYPE.get(option["type"], ())):
            form.fault((*path, "choices", index, "value"), "BASE_TYPE_BAD_TYPE", "Value is of the wrong type")


def fill_in(registered: list[Json], name: str, values: Mapping[str, object]) -> Json:
    """The ``data`` of an interaction, as the client would send it. Raises :class:`NotOffered`."""
    first, *rest = name.split()
    command = next((c for c in registered if c["name"] == first and c.get("type", 1) == CHAT_INPUT), None)
    if command is None:
        raise NotOffered(
            f"there is no command /{first}; registered: {', '.join(c['name'] for c in registered) or 'none'}"
        )
    data: Json = {"id": command["id"], "name": first, "type": CHAT_INPUT}
    place, offered = data, command.get("options", [])
    for word in rest:
        option = next((o for o in offered if o["name"] == word and o["type"] <= OptionType.SUB_COMMAND_GROUP), None)
        if option is None:
            raise NotOffered(f"/{name}: there is no subcommand {word!r}")
        inner: Json = {"type": option["type"], "name": word}
        place["options"] = [inner]
        place, offered = inner, option.get("options", [])
    if any(option["type"] <= OptionType.SUB_COMMAND_GROUP for option in offered):
        raise NotOffered(f"/{name}: choose a subcommand")
    place["options"] = _fill_options(name, offered, values)
    return data


def resolved(data: Json, guild: Guild) -> Json:
    """``resolved`` of an interaction's data: the objects whose ids the options name. Empty without such."""
    found: dict[str, Json] = {}
    for kind, value in _snowflakes(data):
        role = next((role for role in payloads.roles(guild) if role["id"] == value), None)
        if kind in (OptionType.ROLE, OptionType.MENTIONABLE) and role is not None:
            found.setdefault("roles", {})[value] = role
        if kind in (OptionType.USER, OptionType.MENTIONABLE) and int(value) in guild.members:
            person = payloads.member(guild.members[int(value)], guild)
            found.setdefault("users", {})[value] = person.pop("user")
            found.setdefault("members", {})[value] = {k: v for k, v in person.items() if k not in ("deaf", "mute")}
        if kind == OptionType.CHANNEL and int(value) in guild.channels:
            found.setdefault("channels", {})[value] = payloads.channel(guild.channels[int(value)])
    return {"resolved": found} if found else {}


def _snowflakes(place: Json) -> Iterator[tuple[int, str]]:
    for option in place.get("options", []):
        if option["type"] in SNOWFLAKE_TYPES:
            yield option["type"], option["value"]
        yield from _snowflakes(option)


def _fill_options(name: str, offered: list[Json], values: Mapping[str, object]) -> list[Json]:
    known = {option["name"]: option for option in offered}
    for given in values:
        if given not in known:
            raise NotOffered(f"/{name} has no option {given!r}")
    for option in offered:
        if option.get("required") and option["name"] not in values:
            raise NotOffered(f"/{name}: the option {option['name']!r} is required")
    return [
        {"name": given, "type": known[given]["type"], "value": _fit(name, known[given], value)}
        for given, value in values.items()
    ]


def _fit(name: str, option: Json, value: object) -> object:
    where = f"/{name} {option['name']}"
    if option["type"] in SNOWFLAKE_TYPES:
        return str(value)
    types = PYTHON_TYPE.get(option["type"], ())
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise NotOffered(f"{where}: {value!r} is not of type {OptionType(option['type']).name.lower()}")
    choices = [choice["value"] for choice in option.get("choices", [])]
    if choices and value not in choices:
        raise NotOffered(f"{where}: {value!r} is not among the choices")
    size = len(value) if isinstance(value, str) else value
    low, high = ("min_length", "max_length") if isinstance(value, str) else ("min_value", "max_value")
    assert isinstance(size, int | float)
    if size < option.get(low, size) or size > option.get(high, 6_000 if isinstance(value, str) else size):
        raise NotOffered(f"{where}: {value!r} is out of bounds")
    return value
