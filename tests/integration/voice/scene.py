"""A fake Discord, and a bot's gateway and voice on it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from sandbox.discord import Application, FakeDiscord, Guild, Member
from sandbox.melody import Melody, recognise
from tests.fakes.voice import FramesSource
from tests.integration.voice.gate import Gate
from timmybot.adapters.discord_gateway import Gateway
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import ChannelId, GuildId, PlayId, ShardId
from timmybot.domain.track import Track
from timmybot.ports.secrets import Credentials
from timmybot.ports.shard_sessions import InteractionHandler
from timmybot.ports.voice import Player

SHARD = ShardId(3)
SHARDS = 16
SONG = Track("memory:song", title="song")
PATIENCE_SECONDS = 15.0
LOOK_SECONDS = 0.005


class OpenBudget:
    """Lets everyone identify at once, and counts."""

    def __init__(self) -> None:
        self.reserved: list[ShardId] = []

    async def reserve(self, shard_id: ShardId, now: float, *, max_concurrency: int = 1) -> float:
        self.reserved.append(shard_id)
        return 0.0


@dataclass
class GivenSecrets:
    """The secrets of a bot whose token is known."""

    bot_token: str

    async def credentials(self) -> Credentials:
        return Credentials(self.bot_token, application_id=1, public_key="")


class FastClock(SystemClock):
    """Goes ``pace`` times as fast as the world."""

    def __init__(self, pace: float) -> None:
        self._pace = pace

    def monotonic(self) -> float:
        return super().monotonic() * self._pace

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / self._pace)


class HeldClock(FastClock):
    """A fast clock that a test may have stand still, to look at what is under way; who waits by it waits on."""

    def __init__(self, pace: float) -> None:
        super().__init__(pace)
        self._ahead = 0.0
        self._stood_at: float | None = None
        self._moved = asyncio.Event()

    def monotonic(self) -> float:
        return (super().monotonic() if self._stood_at is None else self._stood_at) + self._ahead

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left / self._pace if self._stood_at is None else None):
                    await self._moved.wait()

    def stand_still(self) -> None:
        if self._stood_at is None:
            self._stood_at = super().monotonic()
            self._wake()

    def jump(self, seconds: float) -> None:
        """While it stands still: let so much time pass at once."""
        assert self._stood_at is not None
        self._ahead += seconds
        self._wake()

    def go_on(self) -> None:
        if self._stood_at is not None:
            self._ahead -= super().monotonic() - self._stood_at
            self._stood_at = None
            self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


@dataclass
class Bot:
    """One worker's connections to Discord."""

    gateway: Gateway
    players: VoicePlayers
    budget: OpenBudget
    rest: DiscordRest
    clock: HeldClock
    """The players', not the gateway's."""

    def player(self, guild: Guild) -> Player:
        return self.players.open(GuildId(guild.id))

    async def play(self, guild: Guild, *, position_ms: int = 0) -> Player:
        """Join the guild's voice channel and play the song."""
        player = self.player(guild)
        await player.join(ChannelId(guild.voice_channel.id))
        await player.play(PlayId("first"), SONG, position_ms=position_ms, paused=False)
        return player

    async def close(self) -> None:
        self.clock.go_on()
        await self.players.close()
        await self.gateway.close_all()
        self.rest.close()


@dataclass
class Scene:
    """A guild whose member listens in its voice channel."""

    discord: FakeDiscord
    app: Application
    guild: Guild
    alice: Member
    melody: Melody
    source: FramesSource
    tls: ssl.SSLContext
    gate: Gate
    """Stands before no voice server until it is told to."""
    bots: list[Bot] = field(default_factory=list)
    lost_leases: set[ShardId] = field(default_factory=set)
    """Shards that no bot may act on."""
    asks_for_url: bool = False
    """Whether a bot asks Discord where the gateway is, as it does outside of tests."""
    pace: float = 1.0
    """How much faster than the world's the clocks of bots go by which they wait and lose patience."""

    def began_at_ms(self) -> float:
        """Where in the song the longest stretch began that alice has heard since she was last asked to forget."""
        segments = recognise(self.alice.ear.heard, self.melody).segments
        longest = max(segments, key=lambda segment: segment.to_position - segment.from_position)
        return longest.from_position * 1000

    def bot(self, *, token: str | None = None, on_interaction: InteractionHandler | None = None) -> Bot:
        """A worker that has not connected yet."""

        async def gateway_url() -> str:
            return self.discord.gateway.url

        rest = DiscordRest(self.discord.api_url, GivenSecrets(token or self.app.bot_token), SystemClock())
        budget = OpenBudget()
        gateway = Gateway(
            token or self.app.bot_token,
            gateway_url=rest.gateway_url if self.asks_for_url else gateway_url,
            identify_budget=budget,
            shard_count=SHARDS,
            clock=FastClock(self.pace),
            random=Random(1),
            on_interaction=on_interaction,
            may_act=lambda shard_id: shard_id not in self.lost_leases,
            session_starts=rest.session_starts,
            look_up=rest.guild,
            change_voice=rest.change_voice,
        )
        clock = HeldClock(self.pace)
        players = VoicePlayers(gateway, self.source, clock, random=Random(1), tls=self.tls)
        self.bots.append(Bot(gateway, players, budget, rest, clock))
        return self.bots[-1]

    async def worker(self) -> Bot:
        """A worker with the guild's shard open."""
        bot = self.bot()
        await bot.gateway.open(SHARD, None)
        return bot


async def until(holds: Callable[[], bool], what: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until ``holds``. What is waited for happens on other threads and sockets, which tell nobody: it looks."""
    never = asyncio.Event()
    try:
        async with asyncio.timeout(patience_seconds):
            while not holds():
                with suppress(TimeoutError):
                    await asyncio.wait_for(never.wait(), LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"waited in vain for: {what}") from None
