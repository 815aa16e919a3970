"""One guild of the story: its member who listens, the songs it plays, and what its queue has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.demo.judgement import ExpectedQueue, Song
from sandbox.demo.report import StepFailed
from sandbox.discord import Guild, Member, Shown
from sandbox.discord.ear import Ear

ANSWER_SECONDS = 15.0


@dataclass(frozen=True)
class Scene:
    """A guild and its only listener. ``expected`` follows the commands given here, and no others."""

    guild: Guild
    member: Member
    songs: tuple[Song, ...]
    expected: ExpectedQueue = field(default_factory=ExpectedQueue)

    @property
    def name(self) -> str:
        return self.guild.name

    @property
    def ear(self) -> Ear:
        return self.member.ear

    async def play(self, song: Song) -> Shown:
        shown = await self.says("play", url=song.url)
        self.expected.play(song)
        return shown

    async def skip(self) -> Shown:
        shown = await self.says("skip")
        self.expected.skip()
        return shown

    async def stop(self) -> Shown:
        shown = await self.says("stop")
        self.expected.stop()
        return shown

    async def says(self, command: str, **options: str) -> Shown:
        """Give a command, and see it answered in time; wait while the bot thinks. Raises :class:`StepFailed`."""
        shown = await self.member.command(command, **options)
        if shown.thinking:
            await shown.wait_for(bool)
        if shown.failed:
            raise StepFailed(f"/{command} in guild {self.name}: {shown.failed}")
        return shown

    @property
    def playing(self) -> Song:
        """What its own commands say plays now."""
        return self.expected.songs[0]


def starts(text: str) -> Callable[[str], bool]:
    return lambda shown: shown.startswith(text)
