"""The voice server: whom it expects, who is connected, and whose audio reaches which ears."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from sandbox.discord.dave_call import DAVE_VERSION, DaveCall
from sandbox.discord.log import Log
from sandbox.discord.mls import ExternalSender
from sandbox.discord.permissions import Permission
from sandbox.discord.rtp import AES_GCM, XCHACHA, NotAuthentic, NotRtp, Packet, is_protocol_frame, parse
from sandbox.discord.voice_session import VoiceSession
from sandbox.discord.voice_states import VoiceGrant
from sandbox.discord.voice_udp import Address, VoiceUdp
from sandbox.discord.world import Channel, ChannelType, Guild, World

CLIENTS_CONNECT, CLIENT_DISCONNECT = 11, 13
HISTORY_LIMIT = 1_000

RESUMABLE = frozenset({4015, 4009, 1006, 1000, 1001, 4000})
"""Close codes after which a voice session may be resumed; the others end it, and need a new grant."""


class Voice:
    """One voice server for all guilds. Public fields may be changed by a test before clients connect."""

    def __init__(self, world: World, log: Log) -> None:
        self.world = world
        self.log = log
        self.endpoint = ""
        self.modes = [AES_GCM, XCHACHA]
        """Offered in Ready. XChaCha20 always is; AES-GCM may be missing."""
        self.heartbeat_interval_seconds = 13.75
        self.require_dave = True
        """Close connections without DAVE with 4017, outside stage channels, as Discord does since 2 March 2026."""
        self.udp = VoiceUdp(self._on_datagram)
        self.strays = 0
        """Datagrams that were no RTP, or of no session."""
        self.history: deque[VoiceSession] = deque(maxlen=HISTORY_LIMIT)
        """Every grant there was, also those that are over: for their :class:`Arrivals`."""
        self._external_sender = ExternalSender()
        self._calls: dict[int, DaveCall] = {}
        self._sessions: dict[tuple[int, int], VoiceSession] = {}
        self._by_ssrc: dict[int, VoiceSession] = {}
        self._next_ssrc = 1_000

    @property
    def sessions(self) -> list[VoiceSession]:
        """The grants in force, connected or not."""
        return list(self._sessions.values())

    def session(self, guild_id: int, user_id: int) -> VoiceSession | None:
        """The session of a bot in a guild."""
        return self._sessions.get((guild_id, user_id))

    def call(self, channel: Channel) -> DaveCall:
        """The end-to-end encryption of a channel's call."""
        if channel.id not in self._calls:
            most = 0 if channel.type is ChannelType.STAGE else DAVE_VERSION
            clock = self.world.clock
            self._calls[channel.id] = DaveCall(channel.id, self._external_sender, clock, self.log, most)
        return self._calls[channel.id]

    def call_of(self, session: VoiceSession) -> DaveCall:
        """The call that a bot's session belongs to."""
        return self.call(self._channel_of(session))

    def leave_call(self, session: VoiceSession) -> None:
        """The session takes no more part in its channel's call."""
        if call := self._calls.get(session.grant.channel_id):
            call.leave(session.user_id)

    def demands_dave(self, session: VoiceSession) -> bool:
        """Is a client without end-to-end encryption refused there?"""
        return self.require_dave and self._channel_of(session).type is not ChannelType.STAGE

    def close(self) -> None:
        """The server shuts down."""
        for call in self._calls.values():
            call.close()

    async def close_all(self, code: int) -> None:
        """The server closes every voice gateway connection. See :data:`RESUMABLE` for what may follow."""
        for session in self.sessions:
            if code in RESUMABLE:
                if session.connection:
                    session.connection.close(code)
            else:
                self.revoke(session.grant.guild_id, session.grant.user_id, code)

    def expect(self, grant: VoiceGrant) -> None:
        """A new grant replaces what the user had in this guild."""
        self.revoke(grant.guild_id, grant.user_id, 4014)
        self._next_ssrc += 1
        session = VoiceSession(grant, self._next_ssrc)
        self._sessions[grant.guild_id, grant.user_id] = session
        self._by_ssrc[session.ssrc] = session
        self.history.append(session)

    def revoke(self, guild_id: int, user_id: int, code: int) -> None:
        """End a session, whether connected or not."""
        session = self._sessions.pop((guild_id, user_id), None)
        if session is None:
            return
        del self._by_ssrc[session.ssrc]
        session.forget_keys()
        self.leave_call(session)
        if session.identified:
            self.tell_gone(session)
        if session.connection:
            session.connection.close(code)

    def is_connected(self, guild_id: int, user_id: int) -> bool:
        session = self.session(guild_id, user_id)
        return session is not None and session.connection is not None

    def came(self, channel: Channel, user_id: int) -> None:
        """A simulated member is connected as soon as they are in the channel; a bot when it has identified."""
        if user_id in channel.guild.members:
            self._tell_others(channel.id, user_id, CLIENTS_CONNECT, {"user_ids": [str(user_id)]})
            channel.guild.members[user_id].dave.enter(self.call(channel))

    def went(self, channel: Channel, user_id: int) -> None:
        if user_id in channel.guild.members:
            self._tell_others(channel.id, user_id, CLIENT_DISCONNECT, {"user_id": str(user_id)})
            channel.guild.members[user_id].dave.exit()

    def tell_connected(self, session: VoiceSession) -> None:
        """Ops 11 and 13 follow who is connected to the media session, and not the voice states (DAVE's whitepaper)."""
        self._tell_others(
            session.grant.channel_id, session.user_id, CLIENTS_CONNECT, {"user_ids": [str(session.user_id)]}
        )

    def tell_gone(self, session: VoiceSession) -> None:
        """The session is connected no more, and will not be resumed."""
        self._tell_others(
            session.grant.channel_id, session.user_id, CLIENT_DISCONNECT, {"user_id": str(session.user_id)}
        )

    def connected_with(self, session: VoiceSession) -> list[int]:
        """Who else is connected to the session's call."""
        guild = self.world.guilds[session.grant.guild_id]
        there = [each for each in self.sessions if each.grant.channel_id == session.grant.channel_id]
        connected = {each.user_id for each in there if each.identified}
        return [user_id for user_id in self.others(session) if user_id in guild.members or user_id in connected]

    def _tell_others(self, channel_id: int, user_id: int, opcode: int, data: dict[str, object]) -> None:
        for session in self.sessions:
            if session.grant.channel_id == channel_id and session.user_id != user_id and session.identified:
                session.tell(opcode, data)

    def others(self, session: VoiceSession) -> list[int]:
        """Who else is in the session's channel."""
        guild = self.world.guilds[session.grant.guild_id]
        return [
            user_id
            for user_id, state in guild.voice_states.items()
            if state.channel and state.channel.id == session.grant.channel_id and user_id != session.grant.user_id
        ]

    def _channel_of(self, session: VoiceSession) -> Channel:
        return self.world.guilds[session.grant.guild_id].channels[session.grant.channel_id]

    def _on_datagram(self, datagram: bytes, address: Address, at: float) -> None:
        try:
            sealed = parse(datagram)
        except NotRtp:
            self.strays += 1
            return
        session = self._by_ssrc.get(sealed.ssrc)
        if session is None or session.opener is None:
            self.strays += 1
            return
        if session.address != address:
            session.arrivals.wrong_address += 1
            return
        try:
            frame = session.open(sealed)
        except NotAuthentic:
            session.arrivals.not_authentic += 1
            return
        self._relay(session, Packet(at, sealed.ssrc, sealed.sequence, sealed.timestamp, frame))

    def _relay(self, session: VoiceSession, packet: Packet) -> None:
        """Give a frame to every simulated member in the channel."""
        if not session.spoke:
            session.arrivals.before_speaking += 1
            return
        guild = self.world.guilds[session.grant.guild_id]
        channel = guild.channels.get(session.grant.channel_id)
        if channel is None or not _may_be_heard(guild, channel, session.grant.user_id):
            session.arrivals.suppressed += 1
            return
        encrypted = is_protocol_frame(packet.opus)
        session.arrivals.end_to_end += encrypted
        for user_id in self.others(session):
            if user_id not in guild.members:
                continue
            listener = guild.members[user_id]
            if encrypted and not listener.dave.max_dave_version:
                session.arrivals.withheld += 1
                continue
            opus = listener.dave.open(session.grant.user_id, packet.opus)
            if opus is not None:
                listener.ear.receive(session.grant.user_id, replace(packet, opus=opus))


def _may_be_heard(guild: Guild, channel: Channel, user_id: int) -> bool:
    if user_id in guild.muted:
        return False
    if channel.type is ChannelType.STAGE:
        state = guild.voice_states.get(user_id)
        return state is not None and not state.suppress
    return bool(channel.bot_permissions & Permission.SPEAK)
