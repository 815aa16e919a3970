"""Who is in which voice channel: what op 4 grants, what a moderator changes, and what the voice server hears of it.

Rules, with source https://docs.discord.com/developers/topics/voice-connections:
a bot that may not enter, or finds the channel full, gets *no* event at all (MOVE_MEMBERS passes a full one);
whoever enters the AFK channel is suppressed there, and so is whoever may not speak (JDA, ``GuildVoiceState``);
whoever enters a stage is in its audience until a moderator (or they themselves, if they are one) lets them speak;
a server mute belongs to the member and is changed only while they are in voice; what a muted one sends goes nowhere;
each grant carries a new token, and the previous voice session cannot be used again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from sandbox.discord import payloads
from sandbox.discord.permissions import Permission
from sandbox.discord.world import Application, Channel, ChannelType, Guild, World

DISCONNECTED = 4014
"""Voice close code: kicked, moved, channel deleted, or the main session was lost."""


@dataclass(frozen=True)
class VoiceState:
    """One user in one voice channel. ``channel`` is ``None`` only in the event that says they left."""

    guild: Guild
    user_id: int
    channel: Channel | None
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    suppress: bool = False
    """Not heard: in a stage's audience, in the AFK channel, or without the permission to speak."""
    requested_at: str | None = None
    """On a stage: since when the user asks to speak."""


@dataclass(frozen=True)
class VoiceGrant:
    """What a bot must show the voice server."""

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str


class VoiceDoor(Protocol):
    """What the voice server offers to whoever decides about voice states."""

    endpoint: str

    def expect(self, grant: VoiceGrant) -> None:
        """Let this one in, and close what the same user had before in this guild."""

    def revoke(self, guild_id: int, user_id: int, code: int) -> None:
        """Forget the grant and close its connection with ``code``."""

    def is_connected(self, guild_id: int, user_id: int) -> bool:
        """Is a voice gateway connection open for this grant?"""

    def came(self, channel: Channel, user_id: int) -> None:
        """Somebody else is now in the channel."""

    def went(self, channel: Channel, user_id: int) -> None:
        """Somebody left the channel."""


class VoiceStates:
    """The voice states of all guilds."""

    def __init__(self, world: World, door: VoiceDoor) -> None:
        self._world = world
        self._door = door

    def bot_asks(
        self,
        app: Application,
        session_id: str,
        guild: Guild,
        channel: Channel | None,
        *,
        self_mute: bool,
        self_deaf: bool,
    ) -> str | None:
        """Act on an op 4. Returns why nothing happens, or ``None`` if it was granted.

        Asking again for the channel one is connected to brings VOICE_STATE_UPDATE alone; once the voice connection is
        lost, it brings a new grant. (Discord documents neither; libraries rely on the second.)
        """
        before = guild.voice_states.get(app.bot_user_id)
        if channel is None:
            if before is None:
                return "not in voice"
            self.remove(guild, app.bot_user_id)
            return None
        after = VoiceState(guild, app.bot_user_id, channel, session_id, self_mute, self_deaf)
        stays = before is not None and before.channel is channel and before.session_id == session_id
        if before is not None and stays:
            after = replace(after, suppress=before.suppress, requested_at=before.requested_at)
        if stays and self._door.is_connected(guild.id, app.bot_user_id):
            self._set(after)
            return None
        if guild.is_timed_out(app.bot_user_id):
            return "timed out"
        if not stays and (refusal := _refusal(channel)):
            return refusal
        self._set(after)
        self.send_server_update(guild, app)
        return None

    def send_server_update(self, guild: Guild, app: Application) -> None:
        """Grant the bot's voice state anew: a fresh token for the voice server, and VOICE_SERVER_UPDATE."""
        state = guild.voice_states[app.bot_user_id]
        assert state.channel
        token = self._world.random.randbytes(8).hex()
        self._door.expect(VoiceGrant(guild.id, state.channel.id, app.bot_user_id, state.session_id, token))
        update = {"token": token, "guild_id": str(guild.id), "endpoint": self._door.endpoint}
        self._world.publish(guild, "VOICE_SERVER_UPDATE", update, app)

    def withdraw_server(self, guild: Guild, app: Application) -> None:
        """The voice server went away and no new one is known yet: ``endpoint`` is null (api-docs #1739)."""
        self._door.revoke(guild.id, app.bot_user_id, DISCONNECTED)
        update = {"token": "", "guild_id": str(guild.id), "endpoint": None}
        self._world.publish(guild, "VOICE_SERVER_UPDATE", update, app)

    def place(self, guild: Guild, user_id: int, channel: Channel) -> None:
        """A simulated member enters a channel, from nowhere or from another one."""
        session_id = self._world.random.randbytes(16).hex()
        self._set(VoiceState(guild, user_id, channel, session_id))

    def move(self, guild: Guild, user_id: int, channel: Channel) -> None:
        """A moderator moves somebody. Raises :class:`RuntimeError` for who is not in voice."""
        self._set(replace(_present(guild, user_id), channel=channel))
        if user_id in self._world.applications:
            self.send_server_update(guild, self._world.applications[user_id])

    def mute(self, guild: Guild, user_id: int, *, mute: bool) -> None:
        """A moderator mutes somebody on the whole server, or ends that. Raises :class:`RuntimeError` for who is not in
        voice."""
        state = _present(guild, user_id)
        if mute:
            guild.muted.add(user_id)
        else:
            guild.muted.discard(user_id)
        self._set(state)

    def ask_to_speak(self, guild: Guild, user_id: int, at: str | None) -> None:
        """Raise a hand on a stage, or take it down."""
        self._set(replace(guild.voice_states[user_id], requested_at=at))

    def suppress(self, guild: Guild, user_id: int, *, suppress: bool) -> None:
        """Let somebody on a stage speak, or put them into the audience."""
        self._set(replace(guild.voice_states[user_id], suppress=suppress, requested_at=None))

    def remove(self, guild: Guild, user_id: int) -> None:
        """Somebody leaves, or is made to. Nothing happens for who is not in voice."""
        state = guild.voice_states.pop(user_id, None)
        if state is None:
            return
        self._world.publish(guild, "VOICE_STATE_UPDATE", payloads.voice_state(replace(state, channel=None)), None)
        self._door.revoke(guild.id, user_id, DISCONNECTED)
        if state.channel:
            self._door.went(state.channel, user_id)
            self._tell_of_call(state.channel)

    def session_ended(self, session_id: str) -> None:
        """A gateway session is gone for good, and with it the voice states that it had asked for."""
        for guild in self._world.guilds.values():
            for user_id, state in list(guild.voice_states.items()):
                if state.session_id == session_id:
                    self.remove(guild, user_id)

    def _set(self, after: VoiceState) -> None:
        channel = after.channel
        assert channel
        before = after.guild.voice_states.get(after.user_id)
        if before is None or before.channel is not channel:
            after = replace(after, suppress=_is_suppressed(after, channel), requested_at=None)
        after.guild.voice_states[after.user_id] = after
        self._world.publish(after.guild, "VOICE_STATE_UPDATE", payloads.voice_state(after), None)
        if before and before.channel is not channel and before.channel:
            self._door.went(before.channel, after.user_id)
            self._tell_of_call(before.channel)
        if before is None or before.channel is not channel:
            self._door.came(channel, after.user_id)
            self._tell_of_call(channel)

    def _tell_of_call(self, channel: Channel) -> None:
        """A call begins when somebody enters an empty channel, and ends when the last one leaves."""
        guild = channel.guild
        goes_on = any(state.channel is channel for state in guild.voice_states.values())
        if goes_on == (channel.call_began_at is not None):
            return
        channel.call_began_at = self._world.clock.time() if goes_on else None
        began = None if channel.call_began_at is None else int(channel.call_began_at)
        update = {"id": str(channel.id), "guild_id": str(guild.id), "voice_start_time": began}
        self._world.publish(guild, "VOICE_CHANNEL_START_TIME_UPDATE", update, None)


def _present(guild: Guild, user_id: int) -> VoiceState:
    state = guild.voice_states.get(user_id)
    if state is None:
        raise RuntimeError(f"user {user_id} is not in voice in guild {guild.name!r}")
    return state


def _is_suppressed(state: VoiceState, channel: Channel) -> bool:
    """Whether whoever enters the channel is heard by nobody there."""
    if channel.type is ChannelType.STAGE or channel is channel.guild.afk_channel:
        return True
    is_bot = state.user_id in channel.guild.world.applications
    return is_bot and not channel.bot_permissions & Permission.SPEAK


def _refusal(channel: Channel) -> str | None:
    rights = channel.bot_permissions
    if channel.type not in (ChannelType.VOICE, ChannelType.STAGE):
        return "not a voice channel"
    if not rights & Permission.VIEW_CHANNEL or not rights & Permission.CONNECT:
        return "missing permission"
    present = sum(state.channel is channel for state in channel.guild.voice_states.values())
    if channel.user_limit and present >= channel.user_limit and not rights & Permission.MOVE_MEMBERS:
        return "channel is full"
    return None
