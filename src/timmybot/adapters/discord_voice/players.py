"""The players of this worker, on one pacer."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
import ssl
from collections.abc import Callable
from functools import partial

from timmybot.adapters.discord_voice.close_codes import Loss
from timmybot.adapters.discord_voice.connection import VoiceConnection
from timmybot.adapters.discord_voice.lane import Counters
from timmybot.adapters.discord_voice.pacer import LONG_STALL_SECONDS, Pacer
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.adapters.discord_voice.watchdog import LOOK_SECONDS, Watchdog
from timmybot.domain.ids import GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.track_source import TrackSource
from timmybot.ports.voice import Player, PlayerStatus
from timmybot.ports.voice_signalling import VoiceServer, VoiceSignalling

log = logging.getLogger(__name__)


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
        long_stall_seconds: float = LONG_STALL_SECONDS,
        pacer: Pacer | None = None,
    ) -> None:
        self._signalling = signalling
        self._source = source
        self._clock = clock
        self._random = random or random_module.Random()  # noqa: S311  # jitter and RTP's starting points, no secret
        self._tls = tls or ssl.create_default_context()
        self.pacer = pacer or Pacer(on_long_stall=self._stalled, long_stall_seconds=long_stall_seconds)
        self.watchdog = Watchdog()
        self._players: dict[GuildId, VoicePlayer] = {}
        self._told: list[Callable[[GuildId], object]] = []
        self._reported: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None

    def open(self, guild_id: GuildId) -> Player:
        if self._watching is None:
            self._loop = asyncio.get_running_loop()
            self._watching = self._loop.create_task(self._watch(), name="voice watchdog")
        player = self._players.get(guild_id)
        if player is None:
            player = self._players[guild_id] = VoicePlayer(
                source=self._source,
                pacer=self.pacer,
                clock=self._clock,
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

    def figures(self) -> dict[str, float]:
        totals = {
            "FramesSent": float(sum(each.sent for each in self.counters().values())),
            "FramesLate": float(sum(each.late for each in self.counters().values())),
            "FramesMissing": float(sum(each.underrun + each.skipped for each in self.counters().values())),
            "VoiceRefused": float(sum(player.presence.turned_away for player in self._players.values())),
            "PlayersHealed": float(self.watchdog.steps.total()),
        }
        since, self._reported = self._reported, totals
        return {name: total - since.get(name, 0.0) for name, total in totals.items()}

    def stalled_seconds(self) -> float:
        return self.pacer.stalled_seconds()

    def on_change(self, changed: Callable[[GuildId], object]) -> None:
        self._told.append(changed)

    async def close(self) -> None:
        """Let every connection go, without telling Discord, and end the pacing thread."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        await asyncio.gather(*(player.close() for player in self._players.values()))
        await asyncio.to_thread(self.pacer.stop)

    async def _watch(self) -> None:
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(LOOK_SECONDS)
            passed_seconds = min(self._clock.monotonic() - before, 2 * LOOK_SECONDS)
            try:
                self.watchdog.look(self._players.items(), passed_seconds)
            except Exception:  # whoever watches must not be what fails
                log.exception("the watchdog could not look")

    def _stalled(self) -> None:
        """Called on the pacing thread, which has muted every lane."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_all)

    def _tell_all(self) -> None:
        log.warning("this process stood still; silent until its right to each guild is confirmed")
        for guild_id in list(self._players):
            self._tell(guild_id)

    def _tell(self, guild_id: GuildId) -> None:
        for changed in self._told:
            changed(guild_id)

    def _presence(
        self,
        guild_id: GuildId,
        carry: Callable[[PacketStream | None], None],
        changed: Callable[[], None],
        tell: Callable[[str], None],
    ) -> Presence:
        return Presence(
            guild_id,
            signalling=self._signalling,
            connect=self._connection,
            clock=self._clock,
            random=self._random,
            carry=carry,
            changed=changed,
            tell=tell,
        )

    def _connection(self, server: VoiceServer, lost: Callable[[VoiceConnection, Loss], None]) -> VoiceConnection:
        return VoiceConnection(
            server, clock=self._clock, random=self._random, tls=self._tls, sender=self.pacer.sender, lost=lost
        )
