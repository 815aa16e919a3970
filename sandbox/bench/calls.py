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

SHARDS = 16
"""Guilds are spread over all of them: a gateway connection takes 120 messages a minute, and joining and
leaving are two."""
LISTENING_SECONDS = 30.0


class Calls:
    def __init__(self, discord: FakeDiscord) -> None:
        self._discord = discord
        self._app = discord.create_application("TimmyBot")
        discord.gateway.budget(self._app).interval_seconds = 0.0
        self._listeners: dict[int, Member] = {}
        self._receiver: Receiver | None = None

    async def open(self, guilds: int) -> dict[str, Any]:
        """Have so many guilds more; where and what they are."""
        opened = []
        for number in range(guilds):
            guild = self._discord.create_guild("A", self._app, shard=number % SHARDS, of=SHARDS)
            listener = self._listeners[guild.id] = guild.add_member("alice")
            await listener.join(guild.voice_channel)
            opened.append([guild.id, guild.voice_channel.id])
        return {
            "gateway_url": self._discord.gateway.url,
            "token": self._app.bot_token,
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
                "stop_listening": calls.stop_listening,
                "record": calls.record,
            }
            await stand(deeds)


if __name__ == "__main__":
    asyncio.run(run())
