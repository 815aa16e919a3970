"""Messages: which ones Discord takes. Source: https://docs.discord.com/developers/resources/message."""

from __future__ import annotations

from enum import IntFlag
from typing import Any

from sandbox.discord import payloads, rest_errors
from sandbox.discord.rest_errors import Form

Json = dict[str, Any]

DEFAULT, CHAT_INPUT_COMMAND = 0, 20
"""Source: Message Resource, "Message Types"."""
CONTENT_LIMIT, EMBEDS_LIMIT, ROWS_LIMIT, COMPONENTS_V2_LIMIT = 2_000, 10, 5, 40
COMPONENTS_V2 = 1 << 15
SUPPRESS_EMBEDS, EPHEMERAL, SUPPRESS_NOTIFICATIONS, VOICE_MESSAGE = 1 << 2, 1 << 6, 1 << 12, 1 << 13


class Allowed(IntFlag):
    """Which flags may be set. Source: Message Resource ("Create Message", "Edit Message"), Webhook Resource ("Edit
    Webhook Message"), Interactions ("Interaction Callback Data")."""

    EDIT = SUPPRESS_EMBEDS | COMPONENTS_V2
    MESSAGE = EDIT | SUPPRESS_NOTIFICATIONS | VOICE_MESSAGE
    ANSWER = MESSAGE | EPHEMERAL
    DEFERRAL = EPHEMERAL


def check_fields(body: object, flags: Allowed) -> Json:
    """Check that it is an object, and its flags among those allowed. Raises ``ApiError`` 50035."""
    form = Form()
    if not isinstance(body, dict):
        form.fault((), "BASE_TYPE_BAD_TYPE", "Expected an object")
        raise form.error()
    if not isinstance(body.get("flags") or 0, int):
        form.fault(("flags",), "NUMBER_TYPE_COERCE", "Value is not int.")
    elif (body.get("flags") or 0) & ~int(flags):
        form.fault(("flags",), "MESSAGE_FLAGS_INVALID", "These flags may not be set here.")
    form.check()
    return body


def validate(message: object, flags: Allowed = Allowed.MESSAGE, *, editing: bool = False) -> Json:
    """Check a message. Raises :class:`~sandbox.discord.rest_errors.ApiError` 50035 or 50006 (empty)."""
    body, form = check_fields(message, flags), Form()
    content, embeds, components = body.get("content"), body.get("embeds") or [], body.get("components") or []
    version_2 = bool((body.get("flags") or 0) & COMPONENTS_V2)
    if content is not None:
        form.text(("content",), content, 0, CONTENT_LIMIT)
    if not isinstance(embeds, list) or len(embeds) > EMBEDS_LIMIT:
        form.fault(("embeds",), "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {EMBEDS_LIMIT} in length.")
    limit = COMPONENTS_V2_LIMIT if version_2 else ROWS_LIMIT
    if not isinstance(components, list) or len(components) > limit:
        form.fault(("components",), "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {limit} in length.")
    if version_2 and (content or embeds):
        form.fault(("content",), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "Not with this flag")
    form.check()
    if not editing and not (content or embeds or components):
        raise rest_errors.empty_message()
    return body


def payload(
    message_id: int, channel_id: int, author: Json, body: Json, unix_time: float, *, kind: int = DEFAULT
) -> Json:
    """A message object."""
    return {
        "id": str(message_id),
        "channel_id": str(channel_id),
        "author": author,
        "content": body.get("content") or "",
        "timestamp": payloads.iso(unix_time),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": body.get("embeds") or [],
        "components": body.get("components") or [],
        "flags": body.get("flags") or 0,
        "pinned": False,
        "type": kind,
    }
