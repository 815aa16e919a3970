"""The players of this worker, on one pacer."""

from __future__ import annotations

import asyncio
import random as random_module
import ssl
from collections.abc import Callable
from functools import partial

from timmybot.adapters.discord_voice.connection import VoiceConnection
from timmybot.adapters.discord_voice.lane import Counters
from timmybot.adapters.discord_voice.pacer import Pacer
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.domain.ids import GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.track_source import TrackSource
from timmybot.ports.voice import Player, PlayerStatus
from timmybot.ports.voice_signalling import VoiceServer, VoiceSignalling


class VoicePlayers:
    """``Players`` over Discord's voice. ``tls`` is what voice servers are verified with, by default the system's trust.

    (The default context honours ``SSL_CERT_FILE``.)
    """

    def __init__(
        self,
        signalling: VoiceSignalling,
        source: TrackSource,
        clock: Clock,
        *,
        random: random_module.Random | None = None,
        tls: ssl.SSLContext | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._signalling = signalling
        self._source = source
        self._clock = clock
        self._random = random or random_module.Random()  # noqa: S311  # jitter and RTP's starting points, no secret
        self._tls = tls or ssl.create_default_context()
        self.pacer = pacer or Pacer()
        self._players: dict[GuildId, VoicePlayer] = {}
        self._told: list[Callable[[GuildId], None]] = []

    def open(self, guild_id: GuildId) -> Player:
        player = self._players.get(guild_id)
        if player is None:
            player = self._players[guild_id] = VoicePlayer(
                source=self._source,
                pacer=self.pacer,
                make_presence=partial(self._presence, guild_id),
                changed=lambda: self._tell(guild_id),
            )
        return player

    def statuses(self) -> dict[GuildId, PlayerStatus]:
        statuses = {guild_id: player.status() for guild_id, player in self._players.items()}
        return {guild_id: status for guild_id, status in statuses.items() if status != PlayerStatus()}

    def counters(self) -> dict[GuildId, Counters]:
        """What became of every player's slots since it was opened."""
        return {guild_id: player.counters for guild_id, player in self._players.items()}

    def on_change(self, changed: Callable[[GuildId], None]) -> None:
        self._told.append(changed)

    async def close(self) -> None:
        """Let every connection go, without telling Discord, and end the pacing thread."""
        await asyncio.gather(*(player.close() for player in self._players.values()))
        self.pacer.stop()

    def _tell(self, guild_id: GuildId) -> None:
        for changed in self._told:
            changed(guild_id)

    def _presence(
        self, guild_id: GuildId, carry: Callable[[PacketStream | None], None], changed: Callable[[], None]
    ) -> Presence:
        return Presence(
            guild_id,
            signalling=self._signalling,
            connect=self._connection,
            clock=self._clock,
            random=self._random,
            carry=carry,
            changed=changed,
        )

    def _connection(self, server: VoiceServer, lost: Callable[[VoiceConnection, int | None], None]) -> VoiceConnection:
        return VoiceConnection(server, clock=self._clock, random=self._random, tls=self._tls, lost=lost)
