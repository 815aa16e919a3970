"""The routes of the REST API that a music bot uses.

Source: https://docs.discord.com/developers/resources and interactions/receiving-and-responding.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.discord import commands, messages, payloads, rest_errors
from sandbox.discord.endpoint import InteractionsEndpoint
from sandbox.discord.interactions import Callback, Interaction, Interactions
from sandbox.discord.permissions import Permission
from sandbox.discord.rest import Call, Rest
from sandbox.discord.world import Application, Channel, ChannelType, Guild

Json = dict[str, Any]


class Routes:
    """One method a route. ``call.application`` is what demands a valid token."""

    def __init__(self, rest: Rest, interactions: Interactions, endpoint: InteractionsEndpoint) -> None:
        self._rest = rest
        self._world = rest.world
        self._interactions = interactions
        self._endpoint = endpoint

    def install(self, router: web.UrlDispatcher) -> None:
        """Put all routes into ``router``."""
        original = "/webhooks/{webhook_id}/{token}/messages/{message_id}"
        for method, path, route in (
            ("GET", "/gateway", self.gateway),
            ("GET", "/gateway/bot", self.gateway_bot),
            ("GET", "/users/@me", self.me),
            ("GET", "/applications/@me", self.application),
            ("PATCH", "/applications/@me", self.edit_application),
            ("GET", "/oauth2/applications/@me", self.application),
            ("GET", "/applications/{application_id}/commands", self.commands),
            ("PUT", "/applications/{application_id}/commands", self.put_commands),
            ("GET", "/applications/{application_id}/guilds/{guild_id}/commands", self.commands),
            ("PUT", "/applications/{application_id}/guilds/{guild_id}/commands", self.put_commands),
            ("POST", "/interactions/{interaction_id}/{token}/callback", self.callback),
            ("POST", "/webhooks/{webhook_id}/{token}", self.follow_up),
            ("GET", original, self.message),
            ("PATCH", original, self.edit_message),
            ("DELETE", original, self.delete_message),
            ("GET", "/guilds/{guild_id}", self.guild),
            ("GET", "/guilds/{guild_id}/channels", self.channels),
            ("GET", "/guilds/{guild_id}/roles", self.roles),
            ("GET", "/guilds/{guild_id}/members/{user_id}", self.member),
            ("GET", "/guilds/{guild_id}/voice-states/{user_id}", self.voice_state),
            ("PATCH", "/guilds/{guild_id}/voice-states/@me", self.edit_own_voice_state),
            ("GET", "/channels/{channel_id}", self.channel),
            ("POST", "/channels/{channel_id}/messages", self.send_message),
        ):
            self._rest.add(router, method, path, route)

    async def gateway(self, _call: Call) -> Json:
        return {"url": self._rest.gateway.url}

    async def gateway_bot(self, call: Call) -> Json:
        budget = self._rest.gateway.budget(call.application)
        return {"url": self._rest.gateway.url, "shards": 1, "session_start_limit": budget.describe()}

    async def me(self, call: Call) -> Json:
        return payloads.bot_user(call.application)

    async def application(self, call: Call) -> Json:
        return payloads.application(call.application)

    async def edit_application(self, call: Call) -> Json:
        app = call.application
        body = _object(call.body)
        if "interactions_endpoint_url" in body:
            url = body["interactions_endpoint_url"]
            if url is not None:
                form = rest_errors.Form()
                form.text(("interactions_endpoint_url",), url, 1, 512)
                form.check()
                await self._endpoint.probe(app, url)
            app.interactions_endpoint_url = url
        return payloads.application(app)

    async def commands(self, call: Call) -> list[Json]:
        return self._own(call).commands.get(self._scope(call), [])

    async def put_commands(self, call: Call) -> list[Json]:
        app, scope = self._own(call), self._scope(call)
        known = {command["name"]: command["id"] for command in app.commands.get(scope, [])}
        app.commands[scope] = [
            {"type": commands.CHAT_INPUT, "options": [], "default_member_permissions": None, **command}
            | {
                "id": known.get(command["name"]) or str(self._world.snowflakes.next()),
                "application_id": str(app.application_id),
                "version": str(self._world.snowflakes.next()),
            }
            for command in commands.validate(call.body)
        ]
        return app.commands[scope]

    async def callback(self, call: Call) -> object:
        body = _object(call.body)
        interaction = self._interactions.acknowledge(call.id("interaction_id"), call.text("token"), body)
        if call.request.query.get("with_response") != "true":
            return None
        original = interaction.shown.original
        assert original
        resource: Json = {"type": body["type"]}
        if body["type"] in (Callback.MESSAGE, Callback.UPDATE):
            resource["message"] = self._interactions.message_payload(interaction, original)
        about: Json = {"id": str(interaction.id), "type": 2, "response_message_id": str(original.id)}
        loading = body["type"] == Callback.DEFERRED_MESSAGE
        about |= {"response_message_loading": loading, "response_message_ephemeral": original.ephemeral}
        return {"interaction": about, "resource": resource}

    async def follow_up(self, call: Call) -> Json:
        return self._interactions.follow_up(self._interaction(call), call.body)

    async def message(self, call: Call) -> Json:
        interaction = self._interaction(call)
        found = self._interactions.message(interaction, call.text("message_id"))
        return self._interactions.message_payload(interaction, found)

    async def edit_message(self, call: Call) -> Json:
        interaction = self._interaction(call)
        found = self._interactions.message(interaction, call.text("message_id"))
        return self._interactions.edit(interaction, found, call.body)

    async def delete_message(self, call: Call) -> None:
        interaction = self._interaction(call)
        found = self._interactions.message(interaction, call.text("message_id"))
        self._interactions.delete(interaction, found)

    async def guild(self, call: Call) -> Json:
        return payloads.guild_summary(self._guild(call))

    async def channels(self, call: Call) -> list[Json]:
        return [payloads.channel(channel) for channel in self._guild(call).channels.values()]

    async def roles(self, call: Call) -> list[Json]:
        return payloads.roles(self._guild(call))

    async def member(self, call: Call) -> Json:
        guild = self._guild(call)
        if call.text("user_id") == "@me" or call.id("user_id") == call.application.bot_user_id:
            return payloads.member(call.application, guild)
        person = guild.members.get(call.id("user_id"))
        if person is None:
            raise rest_errors.unknown_member()
        return payloads.member(person, guild)

    async def voice_state(self, call: Call) -> Json:
        """Get User Voice State, which tells of a channel only to who may connect to it (api-docs #8416)."""
        guild = self._guild(call)
        own = call.text("user_id") == "@me"
        state = guild.voice_states.get(call.application.bot_user_id if own else call.id("user_id"))
        if state is None:
            raise rest_errors.unknown_voice_state()
        entry = Permission.VIEW_CHANNEL | Permission.CONNECT
        if not own and state.channel and state.channel.bot_permissions & entry != entry:
            raise rest_errors.missing_access()
        return payloads.voice_state(state)

    async def edit_own_voice_state(self, call: Call) -> None:
        """Modify Current User Voice State: on a stage, speak (a moderator's right), or ask to."""
        guild, user_id, body = self._guild(call), call.application.bot_user_id, _object(call.body)
        state = guild.voice_states.get(user_id)
        if state is None or state.channel is None:
            raise rest_errors.unknown_voice_state()
        on_a_stage = state.channel.type is ChannelType.STAGE
        if not on_a_stage or str(body.get("channel_id", state.channel.id)) != str(state.channel.id):
            form = rest_errors.Form()
            form.fault(("channel_id",), "BASE_TYPE_CHOICES", "It has to be the stage that the user is in")
            form.check()
        rights = state.channel.bot_permissions
        if "suppress" in body:
            if not body["suppress"] and not rights & Permission.MUTE_MEMBERS:
                raise rest_errors.missing_permissions()
            self._world.voice_states.suppress(guild, user_id, suppress=bool(body["suppress"]))
        if "request_to_speak_timestamp" in body:
            at = body["request_to_speak_timestamp"]
            if at is not None and not rights & Permission.REQUEST_TO_SPEAK:
                raise rest_errors.missing_permissions()
            self._world.voice_states.ask_to_speak(guild, user_id, at)

    async def channel(self, call: Call) -> Json:
        return payloads.channel(self._channel(call))

    async def send_message(self, call: Call) -> Json:
        channel = self._channel(call)
        body = messages.validate(call.body)
        is_timed_out = channel.guild.is_timed_out(call.application.bot_user_id)
        if is_timed_out or not channel.bot_permissions & Permission.SEND_MESSAGES:
            raise rest_errors.missing_permissions()
        author = payloads.bot_user(call.application)
        now = self._world.clock.time()
        sent = messages.payload(self._world.snowflakes.next(), channel.id, author, body, now)
        channel.messages.append(sent)
        event = sent | {"guild_id": str(channel.guild.id)}
        self._world.publish(channel.guild, "MESSAGE_CREATE", event, None)
        return sent

    def _own(self, call: Call) -> Application:
        """The application in the path, which must be the caller's own."""
        if call.id("application_id") != call.application.application_id:
            raise rest_errors.missing_access()
        return call.application

    def _scope(self, call: Call) -> int | None:
        return self._guild(call).id if "guild_id" in call.request.match_info else None

    def _guild(self, call: Call) -> Guild:
        app, guild = call.application, self._world.guilds.get(call.id("guild_id"))
        if guild is None or app not in guild.applications:
            raise rest_errors.unknown_guild()
        return guild

    def _channel(self, call: Call) -> Channel:
        app, channel = call.application, self._world.channel(call.id("channel_id"))
        if channel is None or app not in channel.guild.applications:
            raise rest_errors.unknown_channel()
        if not channel.bot_permissions & Permission.VIEW_CHANNEL:
            raise rest_errors.missing_access()
        return channel

    def _interaction(self, call: Call) -> Interaction:
        """By its token alone: these routes take no bot token."""
        return self._interactions.by_token(call.id("webhook_id"), call.text("token"))


def _object(body: object) -> Json:
    if not isinstance(body, dict):
        form = rest_errors.Form()
        form.fault((), "BASE_TYPE_BAD_TYPE", "Expected an object")
        form.check()
    assert isinstance(body, dict)
    return body
