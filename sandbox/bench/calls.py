"""The fake Discord in a process of its own, with guilds that have a listener each: a stand that is not measured.

Its listeners are DAVE participants: they decrypt and decode what they hear, so "heard" means heard.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.bench.sink import Receiver, record, widen
from sandbox.bench.standing import Deed, stand
from sandbox.discord import FakeDiscord, Member
from sandbox.discord.permissions import Permission

SHARDS = 16
"""Guilds are spread over all of them: a gateway connection takes 120 messages a minute, and joining and
leaving are two."""
LISTENING_SECONDS = 30.0
SILENCE_FRAMES = 5
"""At the end of a stretch of sound. Source: Discord, Voice Connections, "Voice Data Interpolation"."""


class Calls:
    def __init__(self, discord: FakeDiscord) -> None:
        self._discord = discord
        self._app = discord.create_application("TimmyBot")
        discord.gateway.budget(self._app).interval_seconds = 0.0
        self._listeners: dict[int, Member] = {}
        self._receiver: Receiver | None = None

    async def open(self, guilds: int, shards: int = SHARDS) -> dict[str, Any]:
        """Have so many guilds more; where and what they are."""
        opened = []
        for number in range(guilds):
            guild = self._discord.create_guild("A", self._app, shard=number % shards, of=shards)
            listener = self._listeners[guild.id] = guild.add_member("alice")
            listener.permissions |= Permission.MANAGE_GUILD
            await listener.join(guild.voice_channel)
            opened.append([guild.id, guild.voice_channel.id])
        return {
            "gateway_url": self._discord.gateway.url,
            "api_url": self._discord.api_url,
            "token": self._app.bot_token,
            "application_id": self._app.application_id,
            "ca_file": str(self._discord.ca_file),
            "guilds": opened,
        }

    async def heard(self, guild_id: int) -> dict[str, Any]:
        """When the guild's listener first heard sound since the last time (``time.monotonic()``, one for all here)."""
        ear = self._listeners[guild_id].ear
        async with asyncio.timeout(LISTENING_SECONDS):
            while not (sounding := [packet for packet in ear.packets if not packet.is_silence]):
                ear.clear()
                await ear.wait_for_packets(1)
        ear.clear()
        return {"at": sounding[0].at}

    async def wait_for_bot(self) -> dict[str, Any]:
        """Until it has a session at the gateway; its commands are known by then."""
        async with asyncio.timeout(LISTENING_SECONDS):
            while not self._discord.gateway.sessions:  # noqa: ASYNC110  # it is looked at from outside
                await asyncio.sleep(0.01)
        return {}

    async def command(self, guild_id: int, name: str, **options: Any) -> dict[str, Any]:
        """The guild's listener gives a command; when it did, once it was answered."""
        shown = await self._listeners[guild_id].command(name, **options)
        if shown.thinking:
            await shown.wait_for(bool)
        if shown.failed:
            raise RuntimeError(f"/{name}: {shown.failed}")
        return {"at": shown.asked_at}

    async def hushed(self, guild_id: int) -> dict[str, Any]:
        """Return when the sound has ended as Discord asks, with frames of silence, and forget it."""
        ear = self._listeners[guild_id].ear

        def over() -> bool:
            end = ear.packets[-SILENCE_FRAMES:]
            return len(end) == SILENCE_FRAMES and all(packet.is_silence for packet in end)

        await ear.wait_until(over, LISTENING_SECONDS)
        ear.clear()
        return {}

    async def alone(self, guild_id: int) -> dict[str, Any]:
        """Return when the guild's listener is alone in the channel, and forget what was heard."""
        listener = self._listeners[guild_id]
        async with asyncio.timeout(LISTENING_SECONDS):
            while set(listener.guild.voice_states) != {listener.user_id}:  # noqa: ASYNC110  # looked at from outside
                await asyncio.sleep(0.01)
        listener.ear.clear()
        return {}

    async def stop_listening(self) -> dict[str, Any]:
        """Decode nothing from now on: a hundred guilds' sound is more than this process can."""
        udp = self._discord.voice.udp.hand_over()
        widen(udp)
        self._receiver = Receiver(udp)
        return {}

    async def record(self, seconds: float, path: str) -> dict[str, Any]:
        """After :meth:`stop_listening`: write what arrives, as the sink does."""
        assert self._receiver is not None
        np.save(path, await asyncio.to_thread(record, self._receiver, seconds))
        return {}


async def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with FakeDiscord(Path(directory)) as discord:
            calls = Calls(discord)
            deeds: dict[str, Deed] = {
                "open": calls.open,
                "heard": calls.heard,
                "wait_for_bot": calls.wait_for_bot,
                "command": calls.command,
                "hushed": calls.hushed,
                "alone": calls.alone,
                "stop_listening": calls.stop_listening,
                "record": calls.record,
            }
            await stand(deeds)


if __name__ == "__main__":
    asyncio.run(run())
