"""What the core asks of Discord's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from timmybot.domain.change import OwedReply
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, UserId


class DiscordError(Exception):
    """Discord did not do what was asked. The message never holds a token."""


class DiscordAway(DiscordError):
    """Discord could not be reached: nothing follows for what was asked, and a later attempt may do it."""


class ReplyExpired(DiscordError):
    """The interaction's token is void or unknown: the answer can no longer be given."""


class AlreadyAnswered(DiscordError):
    """The interaction had its first answer before: Discord delivers it again to a bot that died after that."""


class MayNotConnect(DiscordError):
    """The member is in a voice channel that the bot may not connect to. Discord does not say in which."""


class NotInvited(DiscordError):
    """The bot is no member of the guild."""


class ReplyNotYet(DiscordError):
    """Discord does not know the interaction's answer, which is young: the first answer is still on its way there.

    The edit can be given a moment later.
    """


class Replies(Protocol):
    async def edit(self, reply: OwedReply, content: str) -> None:
        """Replace the answer that the member sees.

        Raises :class:`ReplyNotYet`, :class:`ReplyExpired` and :class:`DiscordError`.
        """
        ...

    async def tell(self, channel_id: ChannelId, content: str) -> None:
        """Write a message into a text channel. Raises :class:`DiscordError`."""
        ...


class FirstAnswers(Protocol):
    """Answers to interactions that this process itself was given. Both raise :class:`DiscordError`."""

    async def respond(self, interaction_id: InteractionId, token: str, body: Mapping[str, Any]) -> None:
        """Give the first answer over the callback route; ``body`` is an interaction response."""
        ...

    async def edit_response(
        self, interaction_id: InteractionId, application_id: int, token: str, data: Mapping[str, Any]
    ) -> None:
        """Replace the first answer, or the "thinking" that was shown in its place; ``data`` is a message.

        Raises :class:`ReplyNotYet` too.
        """
        ...


class Members(Protocol):
    async def voice_channel_of(self, guild_id: GuildId, user_id: UserId) -> ChannelId | None:
        """The voice channel the member is in, by ``GET /guilds/{guild}/voice-states/{user}``.

        Raises :class:`MayNotConnect`, :class:`NotInvited` and :class:`DiscordError`.
        """
        ...
