"""Simulated people: they sit in voice channels and listen, and they type commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.discord.dave_call import DAVE_VERSION
from sandbox.discord.dave_member import DaveMember
from sandbox.discord.ear import Ear
from sandbox.discord.permissions import EVERYONE

if TYPE_CHECKING:
    from sandbox.discord.shown import Shown
    from sandbox.discord.world import Channel, Guild


class Member:
    """A person in one guild."""

    def __init__(self, user_id: int, name: str, guild: Guild, *, dave: bool = True) -> None:
        self.user_id = user_id
        self.name = name
        self.guild = guild
        self.roles: list[int] = []
        self.permissions = EVERYONE
        self.ear = Ear()
        self.dave = DaveMember(user_id, DAVE_VERSION if dave else 0)
        """Its part in end-to-end encryption; without ``dave`` it is an old client, which brings a call down."""

    @property
    def voice_channel(self) -> Channel | None:
        """The voice channel this member is in."""
        state = self.guild.voice_states.get(self.user_id)
        return state.channel if state else None

    async def join(self, channel: Channel) -> None:
        """Enter a voice channel and listen; from another one this is a move."""
        self.guild.world.voice_states.place(self.guild, self.user_id, channel)

    async def leave(self) -> None:
        """Leave voice."""
        self.guild.world.voice_states.remove(self.guild, self.user_id)

    async def command(self, name: str, /, **options: object) -> Shown:
        """Type a slash command (``"queue"``, or ``"playlist save"`` for a subcommand) in the guild's text channel.

        Returns when the first answer is there or Discord gave up on the application. Raises
        :class:`~sandbox.discord.commands.NotOffered` where Discord's client would not let one send it.
        """
        return await self.guild.world.interactions.invoke(self, name, options)
