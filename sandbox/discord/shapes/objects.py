"""Objects that several payloads hold.

Source: https://docs.discord.com/developers/resources/user, guild, channel, voice, message, application;
https://docs.discord.com/developers/topics/permissions ("Role Object").
"""

from __future__ import annotations

from sandbox.discord.shapes.schema import (
    ID,
    NUMBER,
    OBJECT,
    RIGHTS,
    TEXT,
    TIME,
    TRUTH,
    Schema,
    any_of,
    closed,
    listed,
    maybe,
)

USER = closed(
    {"id": ID, "username": TEXT, "discriminator": TEXT, "global_name": maybe(TEXT), "avatar": maybe(TEXT)},
    {"bot": TRUTH, "flags": NUMBER, "public_flags": NUMBER}
    | any_of("system mfa_enabled banner accent_color locale verified email premium_type avatar_decoration_data")
    | any_of("collectibles primary_guild"),
)

MEMBER = closed(
    {"roles": listed(ID), "joined_at": maybe(TIME), "deaf": TRUTH, "mute": TRUTH, "flags": NUMBER},
    {"user": USER, "nick": maybe(TEXT), "permissions": RIGHTS, "communication_disabled_until": maybe(TIME)}
    | {"pending": TRUTH}
    | any_of("avatar banner premium_since avatar_decoration_data collectibles"),
)

ROLE = closed(
    {"id": ID, "name": TEXT, "color": NUMBER, "colors": OBJECT, "hoist": TRUTH, "position": NUMBER}
    | {"permissions": RIGHTS, "managed": TRUTH, "mentionable": TRUTH, "flags": NUMBER},
    {"tags": OBJECT} | any_of("icon unicode_emoji"),
)

OVERWRITE = closed({"id": ID, "type": {"enum": [0, 1]}, "allow": RIGHTS, "deny": RIGHTS})

CHANNEL = closed(
    {"id": ID, "type": NUMBER},
    {"guild_id": ID, "name": maybe(TEXT), "position": NUMBER, "permission_overwrites": listed(OVERWRITE)}
    | {"parent_id": maybe(ID), "permissions": RIGHTS, "flags": NUMBER, "bitrate": NUMBER, "user_limit": NUMBER}
    | any_of("topic nsfw last_message_id rate_limit_per_user recipients icon owner_id application_id managed")
    | any_of("last_pin_timestamp rtc_region video_quality_mode message_count member_count thread_metadata member")
    | any_of("default_auto_archive_duration total_message_sent available_tags applied_tags"),
)

VOICE_STATE = closed(
    {"channel_id": maybe(ID), "user_id": ID, "session_id": TEXT, "deaf": TRUTH, "mute": TRUTH, "self_deaf": TRUTH}
    | {"self_mute": TRUTH, "self_video": TRUTH, "suppress": TRUTH, "request_to_speak_timestamp": maybe(TIME)},
    {"guild_id": ID, "member": MEMBER, "self_stream": TRUTH},
)

_GUILD: dict[str, Schema] = {"id": ID, "name": TEXT, "owner_id": ID, "afk_channel_id": maybe(ID), "afk_timeout": NUMBER}
_GUILD |= {"roles": listed(ROLE), "features": listed(TEXT), "preferred_locale": TEXT}
_GUILD |= any_of("icon splash discovery_splash verification_level default_message_notifications application_id emojis")
_GUILD |= any_of("explicit_content_filter mfa_level system_channel_id system_channel_flags rules_channel_id banner")
_GUILD |= any_of("vanity_url_code description premium_tier public_updates_channel_id nsfw_level incidents_data")
_GUILD |= any_of("premium_progress_bar_enabled safety_alerts_channel_id")
_GUILD_MAYBE = any_of("icon_hash owner permissions widget_enabled widget_channel_id max_presences max_members stickers")
_GUILD_MAYBE |= any_of("premium_subscription_count max_video_channel_users max_stage_video_channel_users region")
_GUILD_MAYBE |= any_of("approximate_member_count approximate_presence_count welcome_screen")

GUILD = closed(_GUILD, _GUILD_MAYBE)

UNAVAILABLE = closed({"id": ID}, {"unavailable": TRUTH})

GUILD_CREATED: Schema = {
    "anyOf": [
        closed(
            _GUILD
            | {"joined_at": TIME, "large": TRUTH, "member_count": NUMBER, "voice_states": listed(VOICE_STATE)}
            | {"members": listed(MEMBER), "channels": listed(CHANNEL), "threads": listed(CHANNEL)}
            | {"presences": listed(OBJECT), "stage_instances": listed(OBJECT), "soundboard_sounds": listed(OBJECT)}
            | {"guild_scheduled_events": listed(OBJECT)},
            _GUILD_MAYBE | {"unavailable": TRUTH},
        ),
        UNAVAILABLE,
    ]
}

MESSAGE = closed(
    {"id": ID, "channel_id": ID, "author": USER, "content": TEXT, "timestamp": TIME, "edited_timestamp": maybe(TIME)}
    | {"tts": TRUTH, "mention_everyone": TRUTH, "mentions": listed(USER), "mention_roles": listed(ID)}
    | {"attachments": listed(OBJECT), "embeds": listed(OBJECT), "pinned": TRUTH, "type": NUMBER},
    {"flags": NUMBER, "webhook_id": ID, "application_id": ID, "guild_id": ID, "components": listed(OBJECT)}
    | any_of("mention_channels reactions nonce activity application message_reference message_snapshots thread")
    | any_of("referenced_message interaction_metadata interaction sticker_items stickers position poll call member")
    | any_of("role_subscription_data resolved"),
)

APPLICATION = closed(
    {"id": ID, "name": TEXT, "icon": maybe(TEXT), "description": TEXT, "bot_public": TRUTH, "verify_key": TEXT}
    | {"bot_require_code_grant": TRUTH, "team": maybe(OBJECT)},
    {"bot": USER, "owner": USER, "flags": NUMBER, "interactions_endpoint_url": maybe(TEXT)}
    | any_of("rpc_origins terms_of_service_url privacy_policy_url guild_id guild primary_sku_id slug cover_image")
    | any_of("approximate_guild_count approximate_user_install_count approximate_user_authorization_count")
    | any_of("redirect_uris role_connections_verification_url event_webhooks_url event_webhooks_status tags")
    | any_of("event_webhooks_types install_params integration_types_config custom_install_url")
    # Which the reference leaves out and its examples show.
    | any_of("type flags_new explicit_content_filter eligible_oauth2_scopes summary hook is_verified"),
)
