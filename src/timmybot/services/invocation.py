"""A slash command as Discord delivers it, checked and bound to one guild.

Source: Discord, Interactions, "Receiving and Responding". The payload is hostile until it has passed :func:`parse`,
even when its signature was right: Discord relays what people typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from timmybot.domain.ids import ChannelId, GuildId, InteractionId, RoleId, UserId
from timmybot.domain.own_rights import ALL_RIGHTS, OwnRights
from timmybot.domain.standing import NOBODY_IN_PARTICULAR, Standing

PING = 1
APPLICATION_COMMAND = 2

_THREADS = (10, 11, 12)
"""Source: Discord, Channel Resource, "Channel Types"."""


class BadPayload(ValueError):
    """The payload is not an interaction that Discord would send. The message names the field, never its value."""


class NotInAGuild(Exception):
    """The command came from a direct message. ``str()`` is for the member."""

    def __init__(self) -> None:
        super().__init__("I play music in servers: use me in one of its channels.")


@dataclass(frozen=True)
class Invocation:
    """One member's use of one command in one guild. ``token`` is kept out of every ``repr``."""

    interaction_id: InteractionId
    application_id: int
    guild_id: GuildId
    channel_id: ChannelId
    user_id: UserId
    command: str
    options: Mapping[str, str]
    token: str = field(repr=False)
    standing: Standing = NOBODY_IN_PARTICULAR
    own_rights: OwnRights = ALL_RIGHTS


def parse(payload: Any) -> Invocation:
    """Check an APPLICATION_COMMAND interaction. Raises :class:`BadPayload` and :class:`NotInAGuild`."""
    top = _Checked(payload, "interaction")
    if top.number("type") != APPLICATION_COMMAND:
        raise BadPayload("interaction.type is not that of a command")
    if top.value.get("guild_id") is None:
        raise NotInAGuild
    data, member = top.object("data"), top.object("member")
    return Invocation(
        interaction_id=InteractionId(top.snowflake("id")),
        application_id=top.snowflake("application_id"),
        guild_id=GuildId(top.snowflake("guild_id")),
        channel_id=ChannelId(top.snowflake("channel_id")),
        user_id=UserId(member.object("user").snowflake("id")),
        command=data.text("name"),
        options=_options(data),
        token=top.text("token"),
        standing=Standing(frozenset(map(RoleId, member.snowflakes("roles"))), member.bits("permissions")),
        own_rights=_own_rights(top),
    )


def _own_rights(top: _Checked) -> OwnRights:
    """The bot's own, in the channel where the command was given. Where Discord does not tell, nothing is missed."""
    if top.value.get("app_permissions") is None:
        return ALL_RIGHTS
    channel = top.value.get("channel")
    kind = channel.get("type") if isinstance(channel, dict) else None
    return OwnRights(top.bits("app_permissions"), in_thread=kind in _THREADS)


class _Checked:
    """One object of the payload, whose fields are checked as they are read."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise BadPayload(f"{path} is not an object")
        self.value: dict[str, Any] = value
        self._path = path

    def object(self, name: str) -> _Checked:
        return _Checked(self.value.get(name), f"{self._path}.{name}")

    def number(self, name: str) -> int:
        value = self.value.get(name)
        if type(value) is not int:
            raise BadPayload(f"{self._path}.{name} is not a number")
        return value

    def text(self, name: str) -> str:
        value = self.value.get(name)
        if not isinstance(value, str) or not value:
            raise BadPayload(f"{self._path}.{name} is not a text")
        return value

    def snowflake(self, name: str) -> int:
        return _snowflake(self.text(name), f"{self._path}.{name}")

    def snowflakes(self, name: str) -> list[int]:
        """Snowflakes; none if the field is absent."""
        value = self.value.get(name, [])
        if not isinstance(value, list):
            raise BadPayload(f"{self._path}.{name} is not a list")
        return [_snowflake(each, f"{self._path}.{name}[]") for each in value]

    def bits(self, name: str) -> int:
        """A set of flags, as a decimal text of any length that makes sense; none if the field is absent."""
        text = self.value.get(name, "0")
        if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > 40:
            raise BadPayload(f"{self._path}.{name} is not a set of flags")
        return int(text)


def _snowflake(value: object, path: str) -> int:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()) or len(value) > 20:
        raise BadPayload(f"{path} is not a snowflake")
    return int(value)


def _options(data: _Checked) -> Mapping[str, str]:
    given = data.value.get("options", [])
    if not isinstance(given, list):
        raise BadPayload("interaction.data.options is not a list")
    options = [_Checked(option, "interaction.data.options[]") for option in given]
    return {option.text("name"): str(option.value.get("value", "")) for option in options}
