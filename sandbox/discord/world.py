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
from sandbox.discord.permissions import EVERYONE, INVITED, Permission
from sandbox.discord.shapes.look import Look
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
    """What bots may do in it; where it differs from their roles' permissions it shows as overwrites of their own."""
    messages: list[Json] = field(default_factory=list)
    call_began_at: float | None = None
    """Since which Unix time somebody has been in it."""


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

    timed_out: dict[int, float] = field(default_factory=dict)
    """Until which Unix time moderators have timed users out."""
    everyone: Permission = EVERYONE
    """The permissions of the role of everyone."""
    bot_role: Permission = INVITED
    """The permissions of each bot's own role."""
    is_away: bool = False
    """Whether Discord has an outage that makes the server unavailable."""
    _role_ids: dict[int, int] = field(default_factory=dict)

    @property
    def bots_base(self) -> Permission:
        """What bots may do here before any channel's exceptions."""
        return self.everyone | self.bot_role

    def role_of(self, app: Application) -> int:
        """The role that Discord made for the bot when it was invited."""
        if app.application_id not in self._role_ids:
            self._role_ids[app.application_id] = self.world.snowflakes.next()
        return self._role_ids[app.application_id]

    def is_timed_out(self, user_id: int) -> bool:
        return self.world.clock.time() < self.timed_out.get(user_id, 0.0)

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

    def permit(self, channel: Channel, bot_permissions: Permission) -> None:
        """An administrator changes what bots may do in a channel."""
        channel.bot_permissions = bot_permissions
        self.world.publish(self, "CHANNEL_UPDATE", payloads.channel(channel), None)

    def set_voice_status(self, channel: Channel, status: str | None) -> None:
        """A member writes what is going on in a voice channel; an ended call has no status."""
        update = {"id": str(channel.id), "guild_id": str(self.id), "status": status}
        self.world.publish(self, "VOICE_CHANNEL_STATUS_UPDATE", update, None)

    def change_roles(self, *, everyone: Permission | None = None, bot_role: Permission | None = None) -> None:
        """An administrator changes what the role of everyone, or the bots' own, may do. Exceptions stay as they are."""
        before = self.bots_base
        self.everyone = self.everyone if everyone is None else everyone
        self.bot_role = self.bot_role if bot_role is None else bot_role
        gained, lost = self.bots_base & ~before, before & ~self.bots_base
        for channel in self.channels.values():
            channel.bot_permissions = channel.bot_permissions & ~lost | gained
        for role in payloads.roles(self):
            self.world.publish(self, "GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": role}, None)

    async def time_bot_out(self, seconds: float) -> None:
        """A moderator times the bot out, or with 0 ends that; whoever is timed out drops out of voice."""
        app = self.applications[0]
        if seconds:
            self.timed_out[app.bot_user_id] = self.world.clock.time() + seconds
        else:
            self.timed_out.pop(app.bot_user_id, None)
        update = payloads.member(app, self) | {"guild_id": str(self.id)}
        self.world.publish(self, "GUILD_MEMBER_UPDATE", update, app)
        if seconds:
            self.world.voice_states.remove(self, app.bot_user_id)

    def go_away(self) -> None:
        """Discord has an outage: the server is unavailable, and nobody left it."""
        self.is_away = True
        self.world.publish(self, "GUILD_DELETE", {"id": str(self.id), "unavailable": True}, None)

    def come_back(self) -> None:
        self.is_away = False
        self.world.publish(self, "GUILD_CREATE", {}, None)

    def remove_bot(self) -> None:
        """An administrator throws the bot out of the server. It hears of that, and of nothing after it."""
        app = self.applications[0]
        self.world.publish(self, "GUILD_DELETE", {"id": str(self.id)}, app)
        self.applications.remove(app)
        self.world.voice_states.remove(self, app.bot_user_id)

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
        self.look = Look()
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
