"""A bot that plays to alice, what it goes through, and how long she hears nothing."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sandbox.discord.ear import Window
from tests.integration.voice.scene import Bot, Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.voice import PlayerStatus

MUSIC_AGAIN_SECONDS: Final = 10.0
SOUND_WINDOWS: Final = 2
"""Of 100 ms each."""

Step = tuple[State, Happening]


@dataclass
class Call:
    """A bot that plays to alice.

    How long she hears nothing is counted from the moment at which the first fault was let loose, by the world's clock,
    each second as many times over as the bot's clock may be faster: so what the bot does by its own clock counts in
    full, what it does by the world's counts more than it should, and a clock that a test holds saves nothing.
    """

    scene: Scene
    bot: Bot
    player: VoicePlayer
    fault_at: float | None = None

    @property
    def channel_id(self) -> ChannelId:
        return ChannelId(self.scene.guild.voice_channel.id)

    @property
    def guild_id(self) -> GuildId:
        return GuildId(self.scene.guild.id)

    @property
    def status(self) -> PlayerStatus:
        return self.player.status()

    def fault(self) -> None:
        """What goes wrong is let loose now. Of several faults the first counts."""
        if self.fault_at is None:
            self.fault_at = time.monotonic()

    def has_taken(self, *steps: Step) -> bool:
        """Whether it went through these, in this order, with others between them perhaps."""
        taken = iter([step[:2] for step in self.player.presence.steps])
        return all(step in taken for step in steps)

    async def steps(self, *steps: Step) -> None:
        """Wait until it :meth:`has_taken` them."""
        try:
            await until(lambda: self.has_taken(*steps), "the steps")
        except AssertionError:
            raise AssertionError(f"{steps} not among {list(self.player.presence.steps)}") from None

    async def music_again(self) -> None:
        """The first sound that alice hears from now on came soon enough after the fault."""
        assert self.fault_at is not None, "music again after what?"
        now, ear = time.monotonic(), self.scene.alice.ear
        left = MUSIC_AGAIN_SECONDS / self.scene.pace - (now - self.fault_at)

        def sounding() -> list[Window]:  # without what was under way when the fault came
            return [window for window in ear.heard if window.time >= now and not window.is_silent]

        ear.clear()
        try:
            await ear.wait_until(lambda: len(sounding()) >= SOUND_WINDOWS, max(left, 0.0))
        except TimeoutError:
            raise AssertionError(f"alice hears nothing, after {list(self.player.presence.steps)}") from None
        assert self._seconds_since_fault(sounding()[0].time) <= MUSIC_AGAIN_SECONDS
        self.fault_at = None

    async def is_told(self, holds: Callable[[PlayerStatus], bool], what: str) -> PlayerStatus:
        """What the player says came soon enough after the fault."""
        assert self.fault_at is not None, "what is there to tell?"
        await until(lambda: holds(self.status), what, patience_seconds=MUSIC_AGAIN_SECONDS / self.scene.pace)
        assert self._seconds_since_fault(time.monotonic()) <= MUSIC_AGAIN_SECONDS
        self.fault_at = None
        return self.status

    async def is_given_up(self, sentence: str) -> None:
        status = await self.is_told(lambda status: status.given_up, "giving up")
        assert sentence in (status.trouble or "")

    async def is_kicked(self) -> None:
        status = await self.is_told(lambda status: status.kicked, "the kick")
        assert "disconnected" in (status.trouble or "")

    async def asked_anew(self) -> None:
        """What services do in the end: the bot is not stuck (muse #394, Red #5201)."""
        self.fault()
        await self.player.leave()
        await self.bot.play(self.scene.guild)
        await self.music_again()

    def _seconds_since_fault(self, moment: float) -> float:
        assert self.fault_at is not None
        return (moment - self.fault_at) * self.scene.pace


async def a_call(scene: Scene) -> Call:
    """A bot that has yet to be asked for."""
    bot = await scene.worker()
    player = bot.player(scene.guild)
    assert isinstance(player, VoicePlayer)
    return Call(scene, bot, player)


async def playing(scene: Scene) -> Call:
    call = await a_call(scene)
    await call.bot.play(scene.guild)
    await scene.alice.ear.wait_for_sound(seconds=SOUND_WINDOWS / 10)
    return call


Run = Callable[[Scene], Awaitable[Call]]


@dataclass(frozen=True)
class History:
    """``run`` lets things happen to a call; the steps are demanded of it when that is over."""

    name: str
    steps: tuple[Step, ...]
    run: Run
