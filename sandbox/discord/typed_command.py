"""A command as a person types it: ``/play https://...`` or ``/volume level:50``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sandbox.discord.commands import NotOffered, OptionType

Json = dict[str, Any]

BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def read(text: str, registered: list[Json]) -> tuple[str, dict[str, object]]:
    """The command's name and its options, by what is registered. Raises what :func:`read_words` does."""
    return read_words(text.strip().removeprefix("/").split(), registered)


def read_words(said: Sequence[str], registered: list[Json]) -> tuple[str, dict[str, object]]:
    """The same for words that are told apart already; the first is the command's name.

    Words fill the options in their order, the last one takes what is left; ``name:value`` names an option. Raises
    :class:`~sandbox.discord.commands.NotOffered`.
    """
    names = ", ".join(f"/{command['name']}" for command in registered)
    if not said:
        raise NotOffered(f"type a command; there are: {names or 'none yet'}")
    first, *words = said
    command = next((candidate for candidate in registered if candidate["name"] == first), None)
    if command is None:
        raise NotOffered(f"there is no command /{first}; there are: {names or 'none yet'}")
    name, offered = [first], command.get("options", [])
    while offered and words and offered[0]["type"] <= OptionType.SUB_COMMAND_GROUP:
        chosen = next((option for option in offered if option["name"] == words[0]), None)
        if chosen is None:
            raise NotOffered(f"/{' '.join(name)}: there is no subcommand {words[0]!r}")
        name.append(words.pop(0))
        offered = chosen.get("options", [])
    return " ".join(name), _options(offered, words)


def _options(offered: list[Json], words: list[str]) -> dict[str, object]:
    by_name = {option["name"]: option for option in offered}
    values: dict[str, object] = {}
    loose: list[str] = []
    for word in words:
        named = re.match(r"([-_\w]+):(.+)", word)
        if named and named[1] in by_name:
            values[named[1]] = _value(by_name[named[1]], named[2])
        else:
            loose.append(word)
    free = [option for option in offered if option["name"] not in values]
    if loose and not free:
        raise NotOffered(f"nothing takes {' '.join(loose)!r}")
    for option, word in zip(free, _share(loose, len(free)), strict=False):
        values[option["name"]] = _value(option, word)
    return values


def _share(words: list[str], places: int) -> list[str]:
    if len(words) <= places:
        return words
    return [*words[: places - 1], " ".join(words[places - 1 :])]


def _value(option: Json, word: str) -> object:
    for choice in option.get("choices", []):
        if word.casefold() in (str(choice["name"]).casefold(), str(choice["value"]).casefold()):
            value: object = choice["value"]
            return value
    try:
        if option["type"] == OptionType.INTEGER:
            return int(word)
        if option["type"] == OptionType.NUMBER:
            return float(word)
        if option["type"] == OptionType.BOOLEAN:
            return BOOLEANS[word.lower()]
    except (ValueError, KeyError):
        raise NotOffered(f"{option['name']}: {word!r} is not {OptionType(option['type']).name.lower()}") from None
    return word
