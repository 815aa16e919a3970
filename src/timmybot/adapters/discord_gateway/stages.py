"""Speaking on a stage: whoever enters one is in the audience, heard by nobody.

A bot that may moderate the stage lets itself speak. One that may ask, asks once, and the text channel hears that
somebody has to let it. Taken off the stage again it asks for nothing: a moderator meant it.

The channel's type says what is a stage, and not ``suppress``, which is true in the AFK channel, too, and wherever the
bot may not speak: Discord refuses there what stages have.

Source: Discord, Voice Resource, "Modify Current User Voice State"; Voice State Object: ``suppress`` and
``request_to_speak_timestamp``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from timmybot.adapters.discord_gateway.permissions import Permission
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordError

log = logging.getLogger(__name__)

ChangeVoice = Callable[[GuildId, dict[str, Any]], Awaitable[None]]
"""Raises :class:`~timmybot.ports.discord.DiscordError`."""

Tell = Callable[[str], None]


class Stages:
    """The bot on the stages of all guilds."""

    def __init__(self, change: ChangeVoice, clock: Clock) -> None:
        self._change = change
        self._clock = clock
        self._on: dict[GuildId, ChannelId] = {}
        """The stage that the bot has come to, and has done what it can to be heard on."""
        self._asking: set[asyncio.Task[None]] = set()

    def hear(self, guild_id: GuildId, state: Mapping[str, Any], rights: int | None, tell: Tell) -> None:
        """Take in a voice state of the bot itself; ``rights`` are its permissions in that channel, ``None`` in one that
        is no stage or of which nothing is known."""
        channel_id = None if state.get("channel_id") is None else ChannelId(int(state["channel_id"]))
        if channel_id is None or self._on.get(guild_id) != channel_id:
            self._on.pop(guild_id, None)
        if channel_id is None or rights is None or not state.get("suppress") or state.get("request_to_speak_timestamp"):
            return
        if guild_id in self._on:
            tell(f"I was taken off the stage <#{channel_id}>, so nobody hears me there. Let me speak, or use `/stop`.")
            return
        self._on[guild_id] = channel_id
        task = asyncio.create_task(self._be_heard(guild_id, channel_id, rights, tell), name="speak on a stage")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _be_heard(self, guild_id: GuildId, channel_id: ChannelId, rights: int, tell: Tell) -> None:
        here = {"channel_id": str(channel_id)}
        if rights & Permission.MUTE_MEMBERS and await self._may(guild_id, here | {"suppress": False}):
            return
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat()
        asks = rights & Permission.REQUEST_TO_SPEAK
        if asks and await self._may(guild_id, here | {"request_to_speak_timestamp": now}):
            tell(f"I am in the audience of <#{channel_id}> and have asked to speak. Nobody hears me until I am let.")
            return
        tell(
            f"I am in the audience of <#{channel_id}>, where nobody hears me. Let me speak, or give me the permission "
            "Mute Members there, with which I let myself."
        )

    async def _may(self, guild_id: GuildId, change: dict[str, Any]) -> bool:
        try:
            await self._change(guild_id, change)
        except DiscordError as error:
            log.info("guild %d: on a stage: %s", guild_id, error)
            return False
        return True
