"""What a bot sends: frames of the gateway and of voice, and the bodies of REST requests.

Source: https://docs.discord.com/developers/events/gateway-events ("Send Events"), topics/voice-connections,
interactions/receiving-and-responding, interactions/application-commands, resources/message, voice, application.
"""

from __future__ import annotations

from sandbox.discord.shapes.schema import (
    ID,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    TRUTH,
    Schema,
    Table,
    any_of,
    closed,
    listed,
    maybe,
)

_PRESENCE = closed({"since": maybe(NUMBER), "activities": listed(OBJECT), "status": TEXT, "afk": TRUTH})

_ID_OR_NUMBER: Schema = {"anyOf": [ID, NUMBER]}
"""discord.py sends a number, and Discord takes it."""

FRAMES = Table(
    "gateway opcode",
    {
        1: maybe(NUMBER),
        2: closed(
            {"token": TEXT, "intents": NUMBER, "properties": closed(any_of("os browser device"), any_of("version"))},
            {"compress": TRUTH, "large_threshold": {"type": "integer", "minimum": 50, "maximum": 250}}
            | {"shard": listed(NUMBER, minItems=2, maxItems=2), "presence": OBJECT},
        ),
        3: _PRESENCE,
        4: closed(
            {"guild_id": _ID_OR_NUMBER, "channel_id": maybe(_ID_OR_NUMBER), "self_mute": TRUTH, "self_deaf": TRUTH}
        ),
        6: closed({"token": TEXT, "session_id": TEXT, "seq": NUMBER}),
        8: closed({"guild_id": ID}, any_of("query limit presences user_ids nonce")),
    },
)

VOICE_FRAMES = Table(
    "voice opcode",
    {
        0: closed(
            {"server_id": ID, "user_id": ID, "session_id": TEXT, "token": TEXT},
            {"max_dave_protocol_version": NUMBER} | any_of("channel_id"),
        ),
        1: closed({"protocol": {"enum": ["udp"]}, "data": closed({"address": TEXT, "port": NUMBER, "mode": TEXT})}),
        3: closed({"t": NUMBER, "seq_ack": NUMBER}),
        5: closed({"speaking": NUMBER, "delay": NUMBER, "ssrc": NUMBER}),
        7: closed({"server_id": ID, "session_id": TEXT, "token": TEXT}, {"seq_ack": NUMBER}),
        23: closed({"transition_id": NUMBER}),
        31: closed({"transition_id": NUMBER}),
    },
)

_SAYS: Schema = any_of("tts embeds allowed_mentions components attachments poll")
_SAYS |= {"content": maybe({"type": "string", "maxLength": 2_000}), "flags": NUMBER}

_COMMAND = closed(
    {"name": {"type": "string", "minLength": 1, "maxLength": 32}},
    {"description": {"type": "string", "maxLength": 100}, "options": listed(OBJECT, maxItems=25)}
    | {"integration_types": listed({"enum": [0, 1]}), "contexts": maybe(listed({"enum": [0, 1, 2]})), "nsfw": TRUTH}
    | {"type": NUMBER, "default_member_permissions": maybe(TEXT)}
    | any_of("id name_localizations description_localizations dm_permission default_permission handler"),
)
_COMMANDS = listed(_COMMAND, maxItems=100)
_ORIGINAL = "/webhooks/{webhook_id}/{token}/messages/{message_id}"

BODIES = Table(
    "body of",
    {
        "PATCH /applications/@me": closed(
            {},
            {"interactions_endpoint_url": maybe(TEXT)}
            | any_of("custom_install_url description role_connections_verification_url install_params icon flags")
            | any_of("integration_types_config cover_image tags event_webhooks_url event_webhooks_status")
            | any_of("event_webhooks_types"),
        ),
        "PUT /applications/{application_id}/commands": _COMMANDS,
        "PUT /applications/{application_id}/guilds/{guild_id}/commands": _COMMANDS,
        "POST /interactions/{interaction_id}/{token}/callback": closed(
            {"type": {"enum": [1, 4, 5, 6, 7, 8, 9, 10, 12]}}, {"data": closed({}, _SAYS)}
        ),
        "POST /webhooks/{webhook_id}/{token}": closed(
            {}, _SAYS | any_of("username avatar_url thread_name applied_tags")
        ),
        f"PATCH {_ORIGINAL}": closed({}, _SAYS),
        "PATCH /guilds/{guild_id}/voice-states/@me": closed(
            {}, {"channel_id": ID, "suppress": TRUTH, "request_to_speak_timestamp": maybe(TIME)}
        ),
        "POST /channels/{channel_id}/messages": closed(
            {}, _SAYS | any_of("nonce message_reference sticker_ids enforce_nonce shared_client_theme")
        ),
    },
)
