"""What the bot asks of Discord over REST. Sources: Discord's API reference, the page named at each method."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

from timmybot.adapters.discord_rest.gateway_bot import GatewayBot
from timmybot.adapters.discord_rest.rate_limits import RateLimits, Route
from timmybot.adapters.discord_rest.transport import CONNECTIONS, FIRST_ANSWER_CONNECTIONS, Answer, Transport, scrubbed
from timmybot.domain.change import OwedReply
from timmybot.domain.first_answer import seconds_left
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, UserId, asked_at
from timmybot.ports.clock import Clock
from timmybot.ports.discord import (
    AlreadyAnswered,
    DiscordError,
    MayNotConnect,
    NotInvited,
    ReplyExpired,
    ReplyNotYet,
)
from timmybot.ports.identify_budget import SessionStarts
from timmybot.ports.secrets import SecretMissing, Secrets

Json = Mapping[str, object]

CONTENT_LIMIT = 2_000
"""Characters of a message. Source: Create Message."""

LONGEST_WAIT_SECONDS = 15.0
"""Rate limits that ask for a longer wait are reported instead: the member is gone by then."""

REPEAT_PAUSES_SECONDS = (0.25, 0.5)
"""After a 5xx, or a connection that broke; from when it was asked, as one that was lost has cost time enough."""

FIRST_ANSWER_ATTEMPT_SECONDS = 1.0
"""What one attempt at a first answer is given, so that one that is lost leaves time for another in Discord's 3 s."""

IDEMPOTENT = ("GET", "PATCH", "PUT")
"""Our PATCHes replace what they change. A second POST would be a second message."""

TOO_MANY_REQUESTS = 429
NOT_FOUND = 404

BAN_SECONDS = 60.0
"""For an edge that refuses us and does not say for how long."""

# Source: Opcodes and Status Codes, "JSON Error Codes".
UNKNOWN_GUILD = 10004
UNKNOWN_MESSAGE = 10008
ALREADY_ACKNOWLEDGED = 40060
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
UNKNOWN_VOICE_STATE = 10065
MISSING_ACCESS = 50001
INVALID_WEBHOOK_TOKEN = 50027
_EXPIRED = {UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, INVALID_WEBHOOK_TOKEN}
_NOT_YET = {UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, UNKNOWN_MESSAGE}

NOT_YET_SECONDS = 5.0
"""How long after an interaction an edit may come before its first answer: that is due within 3 s, and then known."""


class DiscordRest:
    """Implements :class:`timmybot.ports.discord.Replies` and :class:`~timmybot.ports.discord.Members`.

    Every method waits out Discord's rate limits and raises :class:`DiscordError`. The bot's token is asked of
    ``secrets`` for each request, so a rotated one is used from the moment they know it. Requests run on a few
    threads of their own; :meth:`close` ends them.
    """

    def __init__(self, api_url: str, secrets: Secrets, clock: Clock) -> None:
        self._transport = Transport(api_url)
        self._secrets = secrets
        self._clock = clock
        self._limits = RateLimits()
        self._gateway_bot = GatewayBot(self._ask_gateway_bot, clock)
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="discord-rest")
        self._urgent = ThreadPoolExecutor(FIRST_ANSWER_CONNECTIONS, thread_name_prefix="discord-first-answers")
        """Of first answers, for which Discord waits 3 s: not behind whatever else the line lets hang for longer."""

    def close(self) -> None:
        """Let the connections and threads go. Does not wait for requests that are on their way."""
        for threads in (self._threads, self._urgent):
            threads.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    # Replies

    async def edit(self, reply: OwedReply, content: str) -> None:
        """Edit Original Interaction Response. Raises :class:`ReplyNotYet` and :class:`ReplyExpired` too."""
        await self.edit_response(reply.interaction_id, reply.application_id, reply.token, _message(content))

    async def tell(self, channel_id: ChannelId, content: str) -> None:
        """Create Message."""
        route = Route("POST /channels/messages", str(channel_id))
        await self._as_bot(route, f"/channels/{channel_id}/messages", _message(content))

    # Members

    async def voice_channel_of(self, guild_id: GuildId, user_id: UserId) -> ChannelId | None:
        """Get User Voice State; ``None`` when the member is in no voice channel.

        Raises :class:`MayNotConnect` and :class:`NotInvited` too.
        """
        route = Route("GET /guilds/voice-states", str(guild_id))
        answer = await self._send(route, f"/guilds/{guild_id}/voice-states/{user_id}", None, as_bot=True)
        if answer.status == NOT_FOUND and answer.code == UNKNOWN_VOICE_STATE:
            return None
        if answer.code == MISSING_ACCESS:
            raise MayNotConnect(f"{route.template}: the bot may not connect to the member's voice channel")
        if answer.code == UNKNOWN_GUILD:
            raise NotInvited(f"{route.template}: the bot is no member of guild {guild_id}")
        channel_id = _object(_checked(route, answer)).get("channel_id")
        return ChannelId(int(str(channel_id))) if channel_id else None

    # The application

    async def gateway_url(self) -> str:
        """Get Gateway Bot: the ``wss://`` address without query, known for some minutes."""
        return await self._gateway_bot.url()

    async def session_starts(self) -> SessionStarts:
        """Get Gateway Bot: what its session start limit leaves."""
        return await self._gateway_bot.session_starts()

    async def guild(self, guild_id: GuildId, me: UserId) -> Json:
        """What GUILD_CREATE would tell of a guild's channels, its roles, and the member ``me``."""
        path = f"/guilds/{guild_id}"
        guild, channels, member = await asyncio.gather(
            self._as_bot(Route("GET /guilds", str(guild_id)), path),
            self._as_bot(Route("GET /guilds/channels", str(guild_id)), f"{path}/channels"),
            self._as_bot(Route("GET /guilds/members", str(guild_id)), f"{path}/members/{me}"),
        )
        return {**_object(guild), "channels": channels, "members": [_object(member)]}

    async def change_voice(self, guild_id: GuildId, change: Json) -> None:
        """Modify Current User Voice State: on a stage, speak or ask to."""
        route = Route("PATCH /guilds/voice-states", str(guild_id))
        await self._as_bot(route, f"/guilds/{guild_id}/voice-states/@me", change)

    async def _ask_gateway_bot(self) -> Json:
        return _object(await self._as_bot(Route("GET /gateway/bot"), "/gateway/bot"))

    async def bot_user(self) -> Json:
        """Get Current User."""
        return _object(await self._as_bot(Route("GET /users/@me"), "/users/@me"))

    async def application(self) -> Json:
        """Get Current Application."""
        return _object(await self._as_bot(Route("GET /applications/@me"), "/applications/@me"))

    async def interactions_endpoint(self) -> str | None:
        """The URL that interactions are posted to; ``None`` if they go over the gateway."""
        url = (await self.application()).get("interactions_endpoint_url")
        return str(url) if url else None

    async def set_interactions_endpoint(self, url: str | None) -> None:
        """Edit Current Application. Discord tries the endpoint at once, and refuses it if it does not answer."""
        body = {"interactions_endpoint_url": url}
        await self._as_bot(Route("PATCH /applications/@me"), "/applications/@me", body)

    async def set_commands(self, application_id: int, definitions: Sequence[Json]) -> None:
        """Bulk Overwrite Global Application Commands: from now on there are these and no others."""
        route = Route("PUT /applications/commands", str(application_id))
        await self._as_bot(route, f"/applications/{application_id}/commands", list(definitions))

    async def respond(self, interaction_id: InteractionId, token: str, body: Json) -> None:
        """Create Interaction Response; ``body`` is sent as it is.

        It is tried again within Discord's 3 s if its answer does not come; "already acknowledged" then says that it
        had been taken in, and to a first attempt that another process had answered. Raises :class:`ReplyExpired` and
        :class:`AlreadyAnswered` too.
        """
        route = Route("POST /interactions/callback", f"{interaction_id}/{token}", counts_globally=False)
        left = seconds_left(interaction_id, self._clock.now())
        path = f"/interactions/{interaction_id}/{token}/callback"
        answer = await self._send(route, path, body, as_bot=False, first_answer_seconds=left)
        if answer.code != ALREADY_ACKNOWLEDGED:
            _alive(route, answer)
        elif not answer.is_repeated:
            raise AlreadyAnswered(f"The interaction had its first answer before (code {answer.code})")

    async def edit_response(self, interaction_id: InteractionId, application_id: int, token: str, data: Json) -> None:
        """Edit Original Interaction Response; ``data`` is sent as it is.

        Raises :class:`ReplyNotYet` and :class:`ReplyExpired` too.
        """
        webhook = f"{application_id}/{token}"
        route = Route("PATCH /webhooks/messages/@original", webhook, counts_globally=False)
        path = f"/webhooks/{webhook}/messages/@original"
        answer = await self._send(route, path, data, as_bot=False)
        age = self._clock.now() - asked_at(interaction_id)
        if answer.status == NOT_FOUND and answer.code in _NOT_YET and age < NOT_YET_SECONDS:
            raise ReplyNotYet(f"Discord does not know the first answer yet ({answer.code}, {age:.1f} s old)")
        _alive(route, answer)

    # How

    async def _as_bot(self, route: Route, path: str, body: object | None = None) -> object:
        return _checked(route, await self._send(route, path, body, as_bot=True))

    async def _send(
        self,
        route: Route,
        path: str,
        body: object | None,
        *,
        as_bot: bool,
        first_answer_seconds: float | None = None,
    ) -> Answer:
        method = route.template.split(" ", 1)[0]
        token = await self._token() if as_bot else None
        until = None if first_answer_seconds is None else self._clock.monotonic() + first_answer_seconds
        may_repeat = until is not None or method in IDEMPOTENT
        is_repeated = False
        for pause in (*REPEAT_PAUSES_SECONDS, None):
            await self._wait_for_a_place(route)
            trouble: DiscordError | None = None
            asked_at = self._clock.monotonic()
            within = None if until is None else min(FIRST_ANSWER_ATTEMPT_SECONDS, until - asked_at)
            try:
                answer = await self._exchange(route, path, body, token, within)
            except DiscordError as error:
                trouble = error
            else:
                if not answer.is_broken and answer.status != TOO_MANY_REQUESTS:
                    return replace(answer, is_repeated=is_repeated)
            again_at = max(self._clock.monotonic(), asked_at + (pause or 0.0))  # nothing is gained by more of a pause
            is_over = pause is None or (until is not None and again_at >= until)
            if trouble is None and answer.status == TOO_MANY_REQUESTS and pause is not None:
                continue  # The limits know how long to wait.
            if pause is None or is_over or not may_repeat:
                if trouble is not None:
                    raise trouble
                return replace(answer, is_repeated=is_repeated)
            is_repeated = True
            await self._clock.sleep(max(again_at - self._clock.monotonic(), 0.0))
        raise AssertionError("the last pause ends the loop")

    async def _exchange(
        self, route: Route, path: str, body: object | None, token: str | None, within: float | None
    ) -> Answer:
        method = route.template.split(" ", 1)[0]
        call = asyncio.get_running_loop().run_in_executor(
            self._threads if within is None else self._urgent,
            self._transport.exchange,
            *(method, path, body, token, within),
        )
        answer = await call
        now = self._clock.monotonic()
        self._limits.learn(route, answer.headers, now)
        if answer.status == TOO_MANY_REQUESTS and not isinstance(answer.body, dict):
            self._limits.banned(_retry_after(answer, BAN_SECONDS), now)
        elif answer.status == TOO_MANY_REQUESTS:
            self._limits.refused(route, _retry_after(answer), everywhere=_is_global(answer), now=now)
        return answer

    async def _wait_for_a_place(self, route: Route) -> None:
        until = self._clock.monotonic() + LONGEST_WAIT_SECONDS
        while wait := self._limits.reserve(route, now := self._clock.monotonic()):
            if now + wait > until:
                raise DiscordError(f"{route.template}: Discord's rate limit asks to wait {wait:.0f} seconds")
            await self._clock.sleep(wait)

    async def _token(self) -> str:
        try:
            return (await self._secrets.credentials()).bot_token
        except SecretMissing as error:
            raise DiscordError(str(error)) from error


def _alive(route: Route, answer: Answer) -> None:
    """Check an answer to what was asked with an interaction's token."""
    if answer.status == NOT_FOUND or answer.code in _EXPIRED:
        raise ReplyExpired(f"The interaction's token is void or unknown ({answer.status}, code {answer.code})")
    _checked(route, answer)


def _message(content: str) -> Json:
    """A message in which nobody is mentioned: titles are hostile input, and Discord parses mentions by default."""
    if len(content) > CONTENT_LIMIT:
        content = content[: CONTENT_LIMIT - 1] + "…"
    return {"content": content, "allowed_mentions": {"parse": []}}


def _checked(route: Route, answer: Answer) -> object:
    if 200 <= answer.status < 300:
        return answer.body
    raise DiscordError(
        scrubbed(f"{route.template}: Discord answered {answer.status} (code {answer.code}: {answer.message})")
    )


def _object(body: object) -> Json:
    if not isinstance(body, dict):
        raise DiscordError("Discord's answer is not a JSON object")
    return cast("Json", body)


def _is_global(answer: Answer) -> bool:
    in_body = isinstance(answer.body, dict) and answer.body.get("global") is True
    return in_body or answer.headers.get("x-ratelimit-global", "").lower() == "true"


def _retry_after(answer: Answer, otherwise: float = 1.0) -> float:
    """Seconds; from the body, which has fractions, else the header."""
    in_body = answer.body.get("retry_after") if isinstance(answer.body, dict) else None
    for value in (in_body, answer.headers.get("retry-after")):
        try:
            return max(float(value), 0.0)  # type: ignore[arg-type]  # whatever it is, it is tried
        except (TypeError, ValueError):
            continue
    return otherwise
