"""TimmyBot's players: the real ``VoicePlayer``, pacer, lanes, packets, buffers and ``HttpTrackSource``.

Only being in a channel is brought about without a voice gateway (:class:`Present`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from sandbox.bench.dave import ready_session
from sandbox.bench.standing import SPREAD_SECONDS, Place, held, place, stand
from timmybot.adapters.discord_voice.ciphers import AES_GCM
from timmybot.adapters.discord_voice.lane import Lane, Playing
from timmybot.adapters.discord_voice.pacer import Pacer
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream, Sender
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import ChannelId, PlayId
from timmybot.domain.track import Track
from timmybot.entrypoints.memory import hold_little
from timmybot.ports.track_source import AS_IT_IS, FRAME_MS, FrameStream

LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 60.0


class Present:
    """Stands in for ``Presence``: joining gives a socket, a cipher and a DAVE session at once."""

    def __init__(self, at: Place, ssrc: int, sender: Sender, carry: Callable[[PacketStream | None], None]) -> None:
        self.channel_id: ChannelId | None = None
        self.trouble: str | None = None
        self.kicked = self.moved = self.given_up = self.is_mending = self.lasting = self.away = False
        self.connected_seconds = 0.0
        self.others: int | None = None
        self._at = at
        self._ssrc = ssrc
        self._sender = sender
        self._carry = carry
        self._udp: socket.socket | None = None
        self._packets: PacketStream | None = None

    async def join(self, channel_id: ChannelId) -> None:
        self.channel_id = channel_id
        if self._udp is None:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.setblocking(False)
            self._udp.connect(("127.0.0.1", self._at.sink_port))
            self._packets = self._sender.stream(
                self._ssrc, AES_GCM, os.urandom(32), self._udp, random.Random(self._ssrc)
            )
            self._packets.end_to_end = ready_session().encrypt_opus
        self._carry(self._packets)

    def step_aside(self) -> None:
        """Cost nothing until :meth:`join`."""
        self._carry(None)

    async def leave(self) -> None:
        self.channel_id = None
        self._carry(None)
        self._packets = None
        if self._udp is not None:
            self._udp.close()
            self._udp = None

    close = leave


class Players:
    """As many players as were ever asked for, of which the first so many play."""

    def __init__(self, at: Place) -> None:
        self._at = at
        self.sound = AS_IT_IS
        self._source = HttpTrackSource(allow_hosts=(urlsplit(at.song).netloc,))
        self._pacer = Pacer()
        self._players: list[tuple[VoicePlayer, Present]] = []
        self._ssrcs = itertools.count(1)

    async def play(self, streams: int, song: str = "") -> dict[str, Any]:
        """Have exactly so many play; returns when all of them send."""
        for _, present in self._players[streams:]:
            present.step_aside()
        new = []
        while len(self._players) < streams:
            self._players.append(self._opened())
            new.append(self._players[-1][0])
        for player, present in self._players[:streams]:
            await present.join(ChannelId(1))
            if player in new:
                track = Track(song or self._at.song)
                await player.play(PlayId("1"), track, position_ms=0, paused=False, sound=self.sound)
            await asyncio.sleep(SPREAD_SECONDS / streams)
        for player in new:
            await self._until(player, lambda counters: counters.sent > 0)
        return {}

    async def hour(self, frames: int, warm_up: int) -> dict[str, Any]:
        """Play ``frames`` of one stream as fast as they come, and say what the process holds."""
        lane = Lane(lambda _: None)
        sender = self._pacer.sender
        present = Present(self._at, next(self._ssrcs), sender, lambda packets: setattr(lane, "packets", packets))
        await present.join(ChannelId(1))
        stream = self._source.open(Track(self._at.song), position_ms=0)
        lane.playing = Playing(stream, paused=False)
        await self._serve(lane, stream, warm_up)
        before = await held()
        await self._serve(lane, stream, frames)
        after = await held()
        lane.playing = None
        stream.close()
        await present.leave()
        return {"before": before, "after": after, "underruns": lane.counters.underrun}

    async def close(self) -> None:
        for player, _ in self._players:
            await player.close()
        self._pacer.stop()
        self._source.close()

    async def _serve(self, lane: Lane, stream: FrameStream, frames: int) -> None:
        for _ in range(frames):
            while stream.buffered_ms < FRAME_MS and stream.failure is None:  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.001)
            lane.serve()
            self._pacer.sender.flush()

    def _opened(self) -> tuple[VoicePlayer, Present]:
        made: list[Present] = []

        def make(carry: Callable[[PacketStream | None], None], *_: object) -> Presence:
            made.append(Present(self._at, next(self._ssrcs), self._pacer.sender, carry))
            return cast(Presence, made[0])

        player = VoicePlayer(
            source=self._source, pacer=self._pacer, clock=SystemClock(), make_presence=make, changed=lambda: None
        )
        return player, made[0]

    async def _until(self, player: VoicePlayer, holds: Callable[[Any], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds(player.counters):
                if player.status().trouble:
                    raise RuntimeError(player.status().trouble)
                await asyncio.sleep(LOOK_SECONDS)


async def run() -> None:
    hold_little()  # as the worker does
    players = Players(place())
    try:
        await stand({"play": players.play, "hour": players.hour})
    finally:
        await players.close()


if __name__ == "__main__":
    asyncio.run(run())
