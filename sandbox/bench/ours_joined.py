"""TimmyBot's voice as a whole: the real gateway client and ``VoicePlayers``, in calls of the fake Discord.

With what the stand in ``ours`` leaves out: the websockets with their TLS, the handshakes, heartbeats, the watchdog.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from random import Random
from typing import Any
from urllib.parse import urlsplit

from sandbox.bench.calls import SHARDS
from sandbox.bench.standing import Deed, Place, held, place, stand
from timmybot.adapters.discord_gateway import Gateway
from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import ChannelId, GuildId, PlayId, ShardId
from timmybot.domain.sound import Sound
from timmybot.domain.track import Track
from timmybot.entrypoints.memory import hold_little

LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 30.0


class _OpenBudget:
    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        """Everyone may identify at once."""
        return 0.0


class Worker:
    def __init__(self, at: Place) -> None:
        self._at = at
        hosts = (urlsplit(at.song).netloc,)
        self._source = HttpTrackSource(hosts)
        self._gateway: Gateway | None = None
        self._players: VoicePlayers | None = None

    async def connect(self, gateway_url: str, token: str, ca_file: str, **_: Any) -> dict[str, Any]:
        """Open every shard."""

        async def url() -> str:
            return gateway_url

        clock = SystemClock()
        self._gateway = Gateway(
            token,
            gateway_url=url,
            identify_budget=_OpenBudget(),
            shard_count=SHARDS,
            clock=clock,
            random=Random(1),
        )
        tls = ssl.create_default_context(cafile=ca_file)
        self._players = VoicePlayers(self._gateway, self._source, clock, tls=tls)
        for shard in range(SHARDS):
            await self._gateway.open(ShardId(shard), None)
        return {}

    async def join(self, guild: int, channel: int) -> dict[str, Any]:
        """Be in the channel, with sound that can be sent. Returns how long that took."""
        assert self._players is not None
        begin = time.monotonic()
        await self._players.open(GuildId(guild)).join(ChannelId(channel))
        return {"seconds": time.monotonic() - begin}

    async def play(self, guild: int, song: str = "", volume_percent: int = 100) -> dict[str, Any]:
        """Resolve and play the song; when that was wished."""
        assert self._players is not None
        wished = time.monotonic()
        track = await self._source.resolve(song or self._at.song)
        sound = Sound(volume_percent=volume_percent)
        await self._players.open(GuildId(guild)).play(PlayId("1"), track, position_ms=0, paused=False, sound=sound)
        return {"at": wished}

    async def leave(self, guild: int) -> dict[str, Any]:
        assert self._players is not None
        await self._players.open(GuildId(guild)).leave()
        return {}

    async def cycle(self, guilds: list[list[int]], times: int) -> dict[str, Any]:
        """Join, play till it sounds, leave: ``times`` in each of the guilds, in all of them at once."""
        await asyncio.gather(*(self._cycle(guild, channel, times) for guild, channel in guilds))
        return {}

    async def _cycle(self, guild: int, channel: int, times: int) -> None:
        assert self._players is not None
        player = self._players.open(GuildId(guild))
        for _ in range(times):
            await player.join(ChannelId(channel))
            sent = self._sent(guild)
            await player.play(PlayId("1"), Track(self._at.song), position_ms=0, paused=False)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._sent(guild) == sent:  # noqa: ASYNC110  # the pacing thread tells nobody
                    await asyncio.sleep(LOOK_SECONDS)
            await player.leave()

    def _sent(self, guild: int) -> int:
        assert self._players is not None
        return self._players.counters()[GuildId(guild)].sent

    async def close(self) -> None:
        if self._players is not None:
            await self._players.close()
        if self._gateway is not None:
            await self._gateway.close_all()
        self._source.close()


async def run() -> None:
    hold_little()  # as the worker does
    worker = Worker(place())
    deeds: dict[str, Deed] = {
        "connect": worker.connect,
        "join": worker.join,
        "play": worker.play,
        "leave": worker.leave,
        "cycle": worker.cycle,
        "held": held,
    }
    try:
        await stand(deeds)
    finally:
        await worker.close()


if __name__ == "__main__":
    asyncio.run(run())
