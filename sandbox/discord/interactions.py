"""The life of an interaction, from a member's command to the last edit of its answer.

Source: https://docs.discord.com/developers/interactions/receiving-and-responding. The first answer is due within
3 seconds, or the token is void; it then lives 15 minutes. With an endpoint set, interactions go there and
nowhere else; without one they go to the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sandbox.discord import commands, messages, payloads, rest_errors
from sandbox.discord.commands import NotOffered, fill_in
from sandbox.discord.endpoint import EndpointFailed, InteractionsEndpoint
from sandbox.discord.line import Line, Lost
from sandbox.discord.members import Member
from sandbox.discord.messages import Allowed
from sandbox.discord.rest_errors import ApiError, Form
from sandbox.discord.shown import DID_NOT_RESPOND, EPHEMERAL, LOADING, Shown, ShownMessage, Version
from sandbox.discord.world import Application, World

Json = dict[str, Any]

FIRST_ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
REMEMBERED_SECONDS = 3600.0
"""How long a dead token is told from one that never was."""
APPLICATION_COMMAND = 2


class Callback(IntEnum):
    """The types of a first answer."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


ALLOWED_FOR_COMMAND = {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.MODAL}


@dataclass(eq=False)
class Interaction:
    """One invocation, as Discord keeps it."""

    id: int
    token: str
    application: Application
    member: Member
    shown: Shown
    asked_at: float
    acknowledged: bool = False
    void: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is a first answer, or will never be one."""


class Interactions:
    """All interactions, by id and by token."""

    def __init__(self, world: World, endpoint: InteractionsEndpoint, line: Line) -> None:
        self._world = world
        self._line = line
        self._clock = world.clock
        self._endpoint = endpoint
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def invoke(self, member: Member, name: str, values: Mapping[str, object]) -> Shown:
        """Send a command as ``member``; see :meth:`~sandbox.discord.members.Member.command`."""
        app, data = self._choose(member, name, values)
        asked_at = self._clock.monotonic()
        self._forget_before(asked_at - REMEMBERED_SECONDS)
        token = self._world.random.randbytes(24).hex()
        interaction = Interaction(self._world.snowflakes.next(), token, app, member, Shown(asked_at), asked_at)
        self._by_id[interaction.id] = self._by_token[token] = interaction
        payload = self._payload(interaction, data)
        self._run(self._deadline(interaction))
        if app.interactions_endpoint_url:
            self._run(self._deliver(interaction, app.interactions_endpoint_url, payload))
        else:
            self._world.publish(member.guild, "INTERACTION_CREATE", payload, app)
        await interaction.settled.wait()
        return interaction.shown

    async def close(self) -> None:
        """Stop waiting for answers."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget_before(self, asked_at: float) -> None:
        for interaction in [known for known in self._by_id.values() if known.asked_at < asked_at]:
            del self._by_id[interaction.id], self._by_token[interaction.token]

    def _choose(self, member: Member, name: str, values: Mapping[str, object]) -> tuple[Application, Json]:
        refusal: NotOffered | None = None
        for app in member.guild.applications:
            registered = [*app.commands.get(member.guild.id, []), *app.commands.get(None, [])]
            try:
                return app, fill_in(registered, name, values)
            except NotOffered as error:
                refusal = error
        raise refusal or NotOffered("this guild has no application")

    def _payload(self, interaction: Interaction, data: Json) -> Json:
        member, guild, app = interaction.member, interaction.member.guild, interaction.application
        channel = guild.text_channel
        return {
            "id": str(interaction.id),
            "application_id": str(app.application_id),
            "type": APPLICATION_COMMAND,
            "data": data | commands.resolved(data, guild),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "guild_id": str(guild.id),
            "channel": payloads.channel(channel),
            "channel_id": str(channel.id),
            "member": payloads.member(member, guild) | {"permissions": str(int(member.permissions))},
            "token": interaction.token,
            "version": 1,
            "app_permissions": str(int(channel.bot_permissions)),
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": 10_485_760,
        }

    async def _deadline(self, interaction: Interaction) -> None:
        await self._clock.sleep(FIRST_ANSWER_SECONDS)
        if not interaction.acknowledged:
            self._fail(interaction)

    async def _deliver(self, interaction: Interaction, url: str, payload: Json) -> None:
        try:
            trouble = self._line.trouble("ENDPOINT", url)
            if trouble is Lost.REQUEST:
                return  # The deadline tells the member.
            self._world.look.endpoint_is_sent(payload)
            answer = await self._endpoint.deliver(interaction.application, url, payload)
            if trouble is Lost.ANSWER:
                return
            if seconds := self._line.first_answer():
                await self._clock.sleep(seconds)
            if answer is not None and not interaction.void:
                self.acknowledge(interaction.id, interaction.token, answer)
                self._world.look.endpoint_answered(answer)
        except (EndpointFailed, ApiError):
            if not interaction.acknowledged:
                self._fail(interaction)

    def _fail(self, interaction: Interaction) -> None:
        interaction.void = True
        interaction.shown.failed = DID_NOT_RESPOND
        interaction.settled.set()
        interaction.shown.changed()

    def acknowledge(self, interaction_id: int, token: str, body: Json) -> Interaction:
        """Take a first answer, from the endpoint or the callback route. Raises :class:`ApiError`."""
        interaction = self._by_id.get(interaction_id)
        if interaction is None or interaction.token != token or interaction.void:
            raise rest_errors.unknown_interaction()
        if interaction.acknowledged:
            raise rest_errors.already_acknowledged()
        form = Form()
        if not isinstance(body, dict) or body.get("type") not in list(ALLOWED_FOR_COMMAND):
            form.fault(("type",), "BASE_TYPE_CHOICES", "Not a valid answer to a command")
            form.check()
        deferred = body["type"] == Callback.DEFERRED_MESSAGE
        data = messages.check_fields(body.get("data") or {}, Allowed.DEFERRAL if deferred else Allowed.ANSWER)
        shown = interaction.shown
        message = ShownMessage(self._world.snowflakes.next(), bool((data.get("flags") or 0) & EPHEMERAL))
        if body["type"] == Callback.MESSAGE:
            self._add_version(message, messages.validate(data, Allowed.ANSWER))
        shown.thinking = deferred
        shown.original = message
        shown.answered_after_seconds = self._clock.monotonic() - interaction.asked_at
        interaction.acknowledged = True
        interaction.settled.set()
        shown.changed()
        return interaction

    def by_token(self, application_id: int, token: str) -> Interaction:
        """The interaction whose answer may be edited. Raises :class:`ApiError` 10015, or 50027 after 15 minutes."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.application.application_id != application_id:
            raise rest_errors.unknown_webhook()
        if interaction.void or not interaction.acknowledged:
            raise rest_errors.unknown_webhook()
        if self._clock.monotonic() - interaction.asked_at >= TOKEN_SECONDS:
            raise rest_errors.invalid_webhook_token()
        return interaction

    def message(self, interaction: Interaction, message_id: str) -> ShownMessage:
        """``@original`` or a follow-up. Raises :class:`ApiError` 10008 if it is not there, or deleted."""
        shown = interaction.shown
        found = [shown.original] if message_id == "@original" else [shown.original, *shown.follow_ups]
        for message in found:
            if message and not message.deleted and message_id in ("@original", str(message.id)):
                return message
        raise rest_errors.unknown_message()

    def edit(self, interaction: Interaction, message: ShownMessage, body: object) -> Json:
        """Change a message; fields that are not named stay. Returns the message object."""
        before = message.versions[-1].payload if message.versions else {}
        changed = messages.validate(body, Allowed.EDIT, editing=True)
        self._add_version(message, messages.validate(before | changed, Allowed.ANSWER))
        if message is interaction.shown.original:
            interaction.shown.thinking = False
        interaction.shown.changed()
        return self.message_payload(interaction, message)

    def follow_up(self, interaction: Interaction, body: object) -> Json:
        """Add a message after the answer. Returns the message object."""
        checked = messages.validate(body, Allowed.ANSWER)
        ephemeral = bool((checked.get("flags") or 0) & EPHEMERAL)
        message = ShownMessage(self._world.snowflakes.next(), ephemeral)
        self._add_version(message, checked)
        interaction.shown.follow_ups.append(message)
        interaction.shown.changed()
        return self.message_payload(interaction, message)

    def delete(self, interaction: Interaction, message: ShownMessage) -> None:
        """The member sees it no more."""
        message.deleted = True
        interaction.shown.changed()

    def message_payload(self, interaction: Interaction, message: ShownMessage) -> Json:
        """A message object as REST shows it."""
        app, channel = interaction.application, interaction.member.guild.text_channel
        body = message.versions[-1].payload if message.versions else {}
        flags = (EPHEMERAL if message.ephemeral else 0) | (0 if message.versions else LOADING)
        now, kind = self._clock.time(), messages.CHAT_INPUT_COMMAND
        shown = messages.payload(message.id, channel.id, payloads.bot_user(app), body, now, kind=kind)
        member = interaction.member
        return shown | {
            "interaction_metadata": {
                "id": str(interaction.id),
                "type": APPLICATION_COMMAND,
                "user": payloads.user(member.user_id, member.name),
                "authorizing_integration_owners": {"0": str(member.guild.id)},
            },
            "flags": flags,
            "application_id": str(app.application_id),
            "webhook_id": str(app.application_id),
        }

    def _add_version(self, message: ShownMessage, body: Json) -> None:
        message.versions.append(Version(self._clock.monotonic(), body.get("content") or "", body))

    def _run(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
