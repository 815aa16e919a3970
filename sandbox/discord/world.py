"""Who and what exists: applications, guilds, channels, members. Changing it tells every gateway session."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from nacl.signing import SigningKey

from sandbox.discord import payloads
from sandbox.discord.clock import Clock
from sandbox.discord.permissions import EVERYONE, Permission
from sandbox.discord.snowflakes import Snowflakes

if TYPE_CHECKING:
    from sandbox.discord.interactions import Interactions
    from sandbox.discord.members import Member
    from sandbox.discord.voice_states import VoiceState, VoiceStates

Json = dict[str, Any]
Publish = Callable[["Guild", str, Json, "Application | None"], None]
"""Send an event of a guild to the sessions of its shard; of one application only, if one is given."""


class ChannelType(IntEnum):
    TEXT = 0
    VOICE = 2
    STAGE = 13


@dataclass(eq=False)
class Application:
    """A bot as its owner sees it in Discord's developer portal."""

    name: str
    application_id: int
    bot_token: str
    signing_key: SigningKey
    interactions_endpoint_url: str | None = None
    commands: dict[int | None, list[Json]] = field(default_factory=dict)
    """Registered commands by guild id; ``None`` holds the global ones."""
    privileged_intents: int = 0
    """Which of the privileged intents the portal grants."""

    @property
    def bot_user_id(self) -> int:
        """Bots made since 2016 have one id for both."""
        return self.application_id

    @property
    def public_key(self) -> str:
        """Hexadecimal, as the portal shows it: interactions are signed with its private half."""
        return bytes(self.signing_key.verify_key).hex()


@dataclass(eq=False)
class Channel:
    """A text or a voice channel."""

    id: int
    name: str
    type: ChannelType
    guild: Guild
    user_limit: int = 0
    bot_permissions: Permission = EVERYONE
    """What bots may do in it; where it differs from the role's permissions it shows as overwrites."""
    messages: list[Json] = field(default_factory=list)


@dataclass(eq=False)
class Guild:
    """A server, with the methods by which a test changes it."""

    id: int
    name: str
    world: World = field(repr=False)
    applications: list[Application] = field(default_factory=list)
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    voice_states: dict[int, VoiceState] = field(default_factory=dict)
    muted: set[int] = field(default_factory=set)
    """Users whom a moderator has muted on this server. They stay so when they leave voice and come back."""
    afk_channel: Channel | None = None
    """The voice channel for those who are away, in which Discord lets nobody be heard."""

    @property
    def text_channel(self) -> Channel:
        return next(channel for channel in self.channels.values() if channel.type is ChannelType.TEXT)

    @property
    def voice_channel(self) -> Channel:
        return next(channel for channel in self.channels.values() if channel.type is ChannelType.VOICE)

    def create_voice_channel(self, name: str, user_limit: int = 0, bot_permissions: Permission = EVERYONE) -> Channel:
        return self._create(Channel(0, name, ChannelType.VOICE, self, user_limit, bot_permissions))

    def create_stage_channel(self, name: str, bot_permissions: Permission = EVERYONE) -> Channel:
        """A stage: voice without end-to-end encryption, on which whoever enters is in the audience at first."""
        return self._create(Channel(0, name, ChannelType.STAGE, self, 0, bot_permissions))

    def create_text_channel(self, name: str, bot_permissions: Permission = EVERYONE) -> Channel:
        return self._create(Channel(0, name, ChannelType.TEXT, self, 0, bot_permissions))

    def make_afk_channel(self, channel: Channel | None) -> None:
        """An administrator chooses the AFK channel, or none. Who is in it already stays as heard as they were."""
        self.afk_channel = channel
        self.world.publish(self, "GUILD_UPDATE", payloads.guild_summary(self), None)

    def _create(self, channel: Channel) -> Channel:
        channel.id = self.world.snowflakes.next()
        self.channels[channel.id] = channel
        self.world.publish(self, "CHANNEL_CREATE", payloads.channel(channel), None)
        return channel

    async def delete_channel(self, channel: Channel) -> None:
        """Whoever is in it drops out of voice, as with the real thing."""
        for user_id, state in list(self.voice_states.items()):
            if state.channel is channel:
                self.world.voice_states.remove(self, user_id)
        del self.channels[channel.id]
        self.world.publish(self, "CHANNEL_DELETE", payloads.channel(channel), None)

    def add_member(self, name: str, *, dave: bool = True) -> Member:
        """A person; without ``dave`` one whose client cannot encrypt end to end."""
        from sandbox.discord.members import Member  # noqa: PLC0415  # members know their guild: a cycle by nature

        member = Member(self.world.snowflakes.next(), name, self, dave=dave)
        self.members[member.user_id] = member
        return member

    @property
    def bot_voice_state(self) -> VoiceState | None:
        """Where the guild's first application is connected to voice."""
        return self.voice_states.get(self.applications[0].bot_user_id)

    async def kick_bot_from_voice(self) -> None:
        """A moderator disconnects the bot."""
        self.world.voice_states.remove(self, self.applications[0].bot_user_id)

    async def move_bot(self, channel: Channel) -> None:
        """A moderator moves the bot. Raises :class:`RuntimeError` if it is not in voice."""
        self.world.voice_states.move(self, self.applications[0].bot_user_id, channel)

    async def let_bot_speak(self) -> None:
        """A moderator brings the bot from a stage's audience onto the stage."""
        self.world.voice_states.suppress(self, self.applications[0].bot_user_id, suppress=False)

    async def put_bot_into_audience(self) -> None:
        """A moderator takes the bot off the stage."""
        self.world.voice_states.suppress(self, self.applications[0].bot_user_id, suppress=True)

    async def mute_bot(self) -> None:
        """A moderator mutes the bot on this server. Raises :class:`RuntimeError` if it is not in voice."""
        self.world.voice_states.mute(self, self.applications[0].bot_user_id, mute=True)

    async def unmute_bot(self) -> None:
        """A moderator takes the server mute off the bot. Raises :class:`RuntimeError` if it is not in voice."""
        self.world.voice_states.mute(self, self.applications[0].bot_user_id, mute=False)


class World:
    """The whole of it. ``publish`` and ``interactions`` are connected by :class:`~sandbox.discord.FakeDiscord`."""

    publish: Publish
    interactions: Interactions
    voice_states: VoiceStates

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.snowflakes = Snowflakes(clock.time)
        self.applications: dict[int, Application] = {}
        self.guilds: dict[int, Guild] = {}

    def create_application(self, name: str) -> Application:
        application_id = self.snowflakes.next()
        app = Application(name, application_id, self.new_token(application_id), SigningKey(self.random.randbytes(32)))
        self.applications[application_id] = app
        return app

    def new_token(self, application_id: int) -> str:
        """Clients read the id out of a token's first part, as with the real ones."""
        first = base64.b64encode(str(application_id).encode()).decode().rstrip("=")
        return f"{first}.sandbox.{self.random.randbytes(12).hex()}"

    def create_guild(self, name: str, app: Application, shard: int, of: int) -> Guild:
        guild = Guild(self.snowflakes.on_shard(shard, of), name, self, [app])
        self.guilds[guild.id] = guild
        guild.channels.update(
            {
                channel.id: channel
                for channel in (
                    Channel(self.snowflakes.next(), "general", ChannelType.TEXT, guild),
                    Channel(self.snowflakes.next(), "Music", ChannelType.VOICE, guild),
                )
            }
        )
        self.publish(guild, "GUILD_CREATE", {}, None)
        return guild

    def application_by_token(self, token: str) -> Application | None:
        return next((app for app in self.applications.values() if app.bot_token == token), None)

    def channel(self, channel_id: int) -> Channel | None:
        return next((g.channels[channel_id] for g in self.guilds.values() if channel_id in g.channels), None)
