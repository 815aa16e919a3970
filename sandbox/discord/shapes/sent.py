"""What Discord sends: events and frames of the gateway and of voice, and what REST routes answer.

Source: https://docs.discord.com/developers/events/gateway-events, topics/opcodes-and-status-codes,
topics/voice-connections, interactions/receiving-and-responding, and the resource of each route.
"""

from __future__ import annotations

from sandbox.discord.shapes.objects import (
    APPLICATION,
    CHANNEL,
    GUILD,
    GUILD_CREATED,
    MEMBER,
    MESSAGE,
    ROLE,
    UNAVAILABLE,
    USER,
    VOICE_STATE,
)
from sandbox.discord.shapes.schema import (
    ID,
    NOTHING,
    NUMBER,
    OBJECT,
    RIGHTS,
    TEXT,
    TRUTH,
    Schema,
    Table,
    any_of,
    closed,
    listed,
    maybe,
)

_MEMBER_FIELDS: Schema = dict(MEMBER["properties"])

INTERACTION = closed(
    {"id": ID, "application_id": ID, "type": {"enum": [1, 2, 3, 4, 5]}, "token": TEXT, "version": {"enum": [1]}},
    {
        "data": OBJECT,
        "guild": OBJECT,
        "guild_id": ID,
        "channel": CHANNEL,
        "channel_id": ID,
        "member": MEMBER,
        "user": USER,
    }
    | {"app_permissions": RIGHTS, "locale": TEXT, "guild_locale": TEXT, "entitlements": listed(OBJECT)}
    | {
        "authorizing_integration_owners": OBJECT,
        "context": NUMBER,
        "attachment_size_limit": NUMBER,
        "message": MESSAGE,
    },
)

EVENTS = Table(
    "event",
    {
        "READY": closed(
            {"v": {"enum": [10]}, "user": USER, "guilds": listed(UNAVAILABLE), "session_id": TEXT}
            | {"resume_gateway_url": TEXT, "application": closed({"id": ID, "flags": NUMBER})},
            {"shard": listed(NUMBER, minItems=2, maxItems=2)}
            # Which Discord sends, and does not write of.
            | any_of("private_channels relationships session_type presences guild_join_requests user_settings _trace"),
        ),
        "RESUMED": closed({}),
        "GUILD_CREATE": GUILD_CREATED,
        "GUILD_UPDATE": GUILD,
        "GUILD_DELETE": UNAVAILABLE,
        "GUILD_ROLE_CREATE": closed({"guild_id": ID, "role": ROLE}),
        "GUILD_ROLE_UPDATE": closed({"guild_id": ID, "role": ROLE}),
        "GUILD_ROLE_DELETE": closed({"guild_id": ID, "role_id": ID}),
        "GUILD_MEMBER_UPDATE": closed(
            {"guild_id": ID, "roles": listed(ID), "user": USER, "joined_at": _MEMBER_FIELDS["joined_at"]},
            {**_MEMBER_FIELDS},
        ),
        "GUILD_MEMBERS_CHUNK": closed(
            {"guild_id": ID, "members": listed(MEMBER), "chunk_index": NUMBER, "chunk_count": NUMBER},
            any_of("not_found presences nonce"),
        ),
        "CHANNEL_CREATE": CHANNEL,
        "CHANNEL_UPDATE": CHANNEL,
        "CHANNEL_DELETE": CHANNEL,
        "VOICE_CHANNEL_STATUS_UPDATE": closed({"id": ID, "guild_id": ID, "status": maybe(TEXT)}),
        "VOICE_CHANNEL_START_TIME_UPDATE": closed({"id": ID, "guild_id": ID, "voice_start_time": maybe(NUMBER)}),
        "VOICE_STATE_UPDATE": VOICE_STATE,
        "VOICE_SERVER_UPDATE": closed({"token": TEXT, "guild_id": ID, "endpoint": maybe(TEXT)}),
        "INTERACTION_CREATE": INTERACTION,
        "MESSAGE_CREATE": MESSAGE,
    },
)

FRAMES = Table(
    "gateway opcode",
    {
        1: NOTHING,
        7: NOTHING,
        9: TRUTH,
        10: closed({"heartbeat_interval": NUMBER}, any_of("_trace")),
        11: NOTHING,
    },
)

VOICE_FRAMES = Table(
    "voice opcode",
    {
        2: closed(
            {"ssrc": NUMBER, "ip": TEXT, "port": NUMBER, "modes": listed(TEXT, minItems=1)},
            any_of("experiments streams heartbeat_interval"),
        ),
        4: closed(
            {"mode": TEXT, "secret_key": listed(NUMBER, minItems=32, maxItems=32)},
            {"dave_protocol_version": NUMBER} | any_of("audio_codec video_codec media_session_id"),
        ),
        5: closed({"user_id": ID, "ssrc": NUMBER, "speaking": NUMBER}),
        6: closed({"t": NUMBER}),
        8: closed({"heartbeat_interval": {"type": "number"}}, any_of("v")),
        9: NOTHING,
        11: closed({"user_ids": listed(ID)}),
        13: closed({"user_id": ID}),
        18: closed({"user_id": ID, "flags": maybe(NUMBER)}),
        20: closed({"user_id": ID, "platform": maybe(NUMBER)}),
        21: closed({"protocol_version": NUMBER, "transition_id": NUMBER}),
        22: closed({"transition_id": NUMBER}),
        24: closed({"protocol_version": NUMBER, "epoch": NUMBER}, any_of("transition_id")),
    },
)

_LIMIT = closed({"total": NUMBER, "remaining": NUMBER, "reset_after": NUMBER, "max_concurrency": NUMBER})
_COMMANDS = listed(
    closed(
        {"id": ID, "application_id": ID, "name": TEXT, "description": TEXT, "version": ID},
        any_of("type options default_member_permissions guild_id name_localizations description_localizations")
        | any_of("dm_permission nsfw integration_types contexts handler name_localized description_localized"),
    )
)
_ORIGINAL = "/webhooks/{webhook_id}/{token}/messages/{message_id}"

ANSWERS = Table(
    "answer to",
    {
        "GET /gateway": closed({"url": TEXT}),
        "GET /gateway/bot": closed({"url": TEXT, "shards": NUMBER, "session_start_limit": _LIMIT}),
        "GET /users/@me": USER,
        "GET /applications/@me": APPLICATION,
        "PATCH /applications/@me": APPLICATION,
        "GET /oauth2/applications/@me": APPLICATION,
        "GET /applications/{application_id}/commands": _COMMANDS,
        "PUT /applications/{application_id}/commands": _COMMANDS,
        "GET /applications/{application_id}/guilds/{guild_id}/commands": _COMMANDS,
        "PUT /applications/{application_id}/guilds/{guild_id}/commands": _COMMANDS,
        "POST /interactions/{interaction_id}/{token}/callback": maybe(
            closed({"interaction": OBJECT}, {"resource": OBJECT})
        ),
        "POST /webhooks/{webhook_id}/{token}": MESSAGE,
        f"GET {_ORIGINAL}": MESSAGE,
        f"PATCH {_ORIGINAL}": MESSAGE,
        f"DELETE {_ORIGINAL}": NOTHING,
        "GET /guilds/{guild_id}": GUILD,
        "GET /guilds/{guild_id}/channels": listed(CHANNEL),
        "GET /guilds/{guild_id}/roles": listed(ROLE),
        "GET /guilds/{guild_id}/members/{user_id}": MEMBER,
        "GET /guilds/{guild_id}/voice-states/{user_id}": VOICE_STATE,
        "PATCH /guilds/{guild_id}/voice-states/@me": NOTHING,
        "GET /channels/{channel_id}": CHANNEL,
        "POST /channels/{channel_id}/messages": MESSAGE,
    },
)
