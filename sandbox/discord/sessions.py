"""Gateway sessions: what survives a lost connection, and which events reach whom.

Source: https://docs.discord.com/developers/events/gateway. A session outlives its connection for a while and replays
what was missed; a connection that its client closed with 1000 or 1001 takes the session with it. Several sessions
on one shard are allowed, and each gets every event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord import payloads
from sandbox.discord.connection import Connection
from sandbox.discord.snowflakes import shard_of
from sandbox.discord.world import Application, Guild, World

Json = dict[str, Any]

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_VOICE_STATES = 1 << 7
GUILD_PRESENCES = 1 << 8
GUILD_MESSAGES = 1 << 9
MESSAGE_CONTENT = 1 << 15
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
ALL_INTENTS = (1 << 26) - 1

INTENT_OF_EVENT = {
    "GUILD_CREATE": GUILDS,
    "GUILD_UPDATE": GUILDS,
    "GUILD_DELETE": GUILDS,
    "GUILD_ROLE_CREATE": GUILDS,
    "GUILD_ROLE_UPDATE": GUILDS,
    "GUILD_ROLE_DELETE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "CHANNEL_UPDATE": GUILDS,
    "CHANNEL_DELETE": GUILDS,
    "VOICE_CHANNEL_STATUS_UPDATE": GUILDS,
    "VOICE_CHANNEL_START_TIME_UPDATE": GUILDS,
    "VOICE_STATE_UPDATE": GUILD_VOICE_STATES,
    "MESSAGE_CREATE": GUILD_MESSAGES,
}
"""Events that need an intent. INTERACTION_CREATE and VOICE_SERVER_UPDATE need none, and neither does the
GUILD_MEMBER_UPDATE of the bot itself."""

REPLAY_LIMIT = 2_000
"""Events kept for a RESUME. One that missed more is told that its session is invalid."""


@dataclass(eq=False)
class Session:
    """One gateway session. ``connection`` is ``None`` while it waits to be resumed."""

    session_id: str
    application: Application
    shard: tuple[int, int]
    intents: int
    connection: Connection | None = None
    sequence: int = 0
    lost_at: float | None = None
    """When the connection went, on the clock's monotonic time."""
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=REPLAY_LIMIT))

    def dispatch(self, event: str, data: Json) -> None:
        """Number an event, keep it for replay, and send it if there is a connection."""
        self.sequence += 1
        message = {"op": 0, "t": event, "s": self.sequence, "d": data}
        self.sent.append(message)
        if self.connection:
            self.connection.send(message)

    def missed_since(self, sequence: int) -> list[Json] | None:
        """The events after ``sequence``, or ``None`` if they cannot all be replayed."""
        if sequence > self.sequence:
            return None
        missed = [message for message in self.sent if message["s"] > sequence]
        return missed if len(missed) == self.sequence - sequence else None

    def serves(self, guild: Guild) -> bool:
        return self.application in guild.applications and shard_of(guild.id, self.shard[1]) == self.shard[0]


class Sessions:
    """All sessions, and the fan-out of events to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    def open(
        self, app: Application, shard: tuple[int, int], intents: int, connection: Connection, resume_url: str
    ) -> Session:
        """Start a session: READY with the guilds of its shard, then each of them in full."""
        session = Session(self._world.random.randbytes(16).hex(), app, shard, intents, connection)
        self._sessions[session.session_id] = session
        guilds = [guild for guild in self._world.guilds.values() if session.serves(guild)]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": payloads.bot_user(app),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.session_id,
                "resume_gateway_url": resume_url,
                "shard": list(shard),
                "application": {"id": str(app.application_id), "flags": 0},
                "private_channels": [],
                "relationships": [],
                "session_type": "normal",
            },
        )
        if intents & GUILDS:
            for guild in guilds:
                self._announce(session, guild)
        return session

    def publish(self, guild: Guild, event: str, data: Json, app: Application | None) -> None:
        """Send an event of a guild to every session of its shard that asked for such events."""
        needed = INTENT_OF_EVENT.get(event, 0)
        for session in self:
            if not session.serves(guild) or (app and session.application is not app):
                continue
            if needed and not session.intents & needed:
                continue
            if event == "GUILD_CREATE":
                self._announce(session, guild)
            else:
                session.dispatch(event, data)

    def end(self, session: Session) -> None:
        """Forget a session; whoever it brought into voice drops out."""
        if self._sessions.pop(session.session_id, None):
            self._world.voice_states.session_ended(session.session_id)

    def expire(self, seconds: float) -> None:
        """Forget sessions that waited longer than that to be resumed."""
        now = self._world.clock.monotonic()
        for session in self:
            if session.lost_at is not None and now - session.lost_at >= seconds:
                self.end(session)

    def _announce(self, session: Session, guild: Guild) -> None:
        if guild.is_away:
            session.dispatch("GUILD_CREATE", {"id": str(guild.id), "unavailable": True})
            return
        with_voice = bool(session.intents & GUILD_VOICE_STATES)
        session.dispatch(
            "GUILD_CREATE", payloads.guild_create(guild, session.application, with_voice_states=with_voice)
        )
