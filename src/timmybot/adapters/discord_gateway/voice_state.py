"""What Discord has said about the bot's own voice in one guild, and what of it nobody here asked for.

Two events make an arrangement: VOICE_STATE_UPDATE brings the channel and the voice session's id, VOICE_SERVER_UPDATE
the server and its token. They come in either order, and either may come again alone: a moderator moves the bot, Discord
moves the call to another server.

A kick is told from a lost session thus: a VOICE_STATE_UPDATE without a channel, on the session that joined, although
nobody here asked to leave, is a moderator's doing. After a new READY the old session's leavings prove nothing.
Discord answers the wishes of one session in their order, and a bad network may hold several of them up: what answers
an older wish may come when a younger one counts as granted. So wishes are kept until they are answered, and a leaving
that somebody here once asked for is no kick.
Source: Discord, Voice Connections, "Retrieving Voice Server Information"; Opcodes, voice close code 4014.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import Kicked, ServerChanged, ServerGone, VoiceEvent, VoiceServer

_WISHES_KEPT: Final = 16
"""More than one join takes, with the leavings around it. Discord may pass over a wish that changes nothing."""


class VoiceState:
    """The bot's own voice in one guild, as seen on one gateway session."""

    def __init__(self, guild_id: GuildId) -> None:
        self._guild_id = guild_id
        self._wanted: ChannelId | None = None
        self._arranging = False
        self._channel_id: ChannelId | None = None
        self._session_id: str | None = None
        self._endpoint: str | None = None
        self._token: str | None = None
        self._unanswered: deque[ChannelId | None] = deque(maxlen=_WISHES_KEPT)
        """Wishes that were sent and that no event has answered yet, oldest first; ``None`` is one to leave."""
        self.user_id: UserId | None = None
        self.last_channel_id: ChannelId | None = None
        """Where it was, as far as it is known: also after it has left."""

    @property
    def settled_in(self) -> ChannelId | None:
        """The channel, once everything has been arranged in it."""
        return None if self._arranging or self._wanted is None else self._channel_id

    def is_in(self, channel_id: ChannelId) -> bool:
        """Whether this session has the bot in the channel, as far as it has been told."""
        return self._channel_id == channel_id

    def is_elsewhere(self, data: Mapping[str, Any]) -> bool:
        """Whether a VOICE_STATE_UPDATE of the bot is another session's, or of a channel that nobody here asked for."""
        if data.get("channel_id") is None or self._wanted is None:
            return data.get("channel_id") is not None
        if self._arranging or self._session_id is None:
            return False
        return str(data.get("session_id") or "") != self._session_id

    def ask(self, channel_id: ChannelId | None) -> None:
        """A request for the channel is being sent: what was arranged before counts no more."""
        self._unanswered.append(channel_id)
        self._want(channel_id)

    def session_lost(self) -> None:
        """The gateway session is a new one: it has not joined anything yet."""
        self.answered()
        self._want(None)

    def answered(self) -> None:
        """Whatever was wished for so far has been answered, or never will be."""
        self._unanswered.clear()

    def _want(self, channel_id: ChannelId | None) -> None:
        self._wanted = channel_id
        self._arranging = channel_id is not None
        self._channel_id = self._session_id = self._endpoint = self._token = None

    def arranged(self) -> VoiceServer | None:
        """The whole arrangement, once both events have come for the channel that was asked for."""
        if self._channel_id is None or not (self._session_id and self._endpoint and self._token and self.user_id):
            return None
        return VoiceServer(
            self._guild_id, self._channel_id, self.user_id, self._endpoint, self._session_id, self._token
        )

    def settle(self) -> VoiceServer | None:
        """Take the arrangement if it is complete; what changes from then on was not asked for."""
        server = self.arranged()
        if server is not None:
            self._arranging = False
        return server

    def hear_state(self, data: Mapping[str, Any]) -> VoiceEvent | None:
        """A VOICE_STATE_UPDATE of the bot itself."""
        session_id = str(data.get("session_id") or "")
        if data.get("channel_id") is None:
            return self._left(session_id)
        channel_id = ChannelId(int(data["channel_id"]))
        self._answers(channel_id)
        if self._wanted is None:
            return None
        if self._arranging or self._channel_id is None:
            if channel_id == self._wanted:
                self._channel_id, self._session_id = channel_id, session_id
                self.last_channel_id = channel_id
            return None if self._arranging else self._changed()
        if session_id != self._session_id:
            # Another session of this bot has joined: whoever owns the shard now sends, and two would duel.
            return ServerGone()
        if channel_id == self._channel_id:
            return None
        self._channel_id = self._wanted = self.last_channel_id = channel_id
        return self._changed()

    def hear_server(self, data: Mapping[str, Any]) -> VoiceEvent | None:
        """A VOICE_SERVER_UPDATE. Without an endpoint the server is gone, and another update brings the next one."""
        if self._wanted is None:
            return None
        endpoint = data.get("endpoint")
        if endpoint is None:
            self._endpoint = self._token = None
            return None if self._arranging else ServerGone()
        self._endpoint, self._token = str(endpoint), str(data["token"])
        return None if self._arranging else self._changed()

    def hear_expulsion(self) -> VoiceEvent | None:
        """The bot was removed from the guild: Discord tells it nothing more, its leaving included."""
        if self._wanted is None:
            return None
        self._want(None)
        return Kicked()

    def _left(self, session_id: str) -> VoiceEvent | None:
        answers_a_wish = self._answers(None)
        if self._arranging or self._wanted is None:
            return None
        if session_id and self._session_id is not None and session_id != self._session_id:
            return None
        if answers_a_wish:
            # An older wish was taken for the youngest, which was sent after this leaving and is answered next.
            self._channel_id = self._session_id = self._endpoint = self._token = None
            return ServerGone()
        self._want(None)
        return Kicked()

    def _answers(self, channel_id: ChannelId | None) -> bool:
        """Whether somebody here wished for this; older wishes are answered with it."""
        if channel_id not in self._unanswered:
            return False
        while self._unanswered.popleft() != channel_id:
            continue
        return True

    def _changed(self) -> VoiceEvent | None:
        server = self.arranged()
        return ServerChanged(server) if server else None
