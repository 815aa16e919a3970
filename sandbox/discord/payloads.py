"""The JSON shapes of Discord's objects, with the fields that clients insist on.

Source: https://docs.discord.com/developers/resources (user, guild, channel, voice) and events/gateway-events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.discord.members import Member
    from sandbox.discord.voice_states import VoiceState
    from sandbox.discord.world import Application, Channel, Guild

Json = dict[str, Any]

_WITH_SOUND = (2, 13)
"""Types of channels: voice and stage."""
ROLE_OVERWRITE = 0


def iso(unix_time: float) -> str:
    """A timestamp as Discord writes them."""
    return datetime.fromtimestamp(unix_time, UTC).isoformat()


def user(user_id: int, name: str, *, bot: bool = False) -> Json:
    return {
        "id": str(user_id),
        "username": name,
        "discriminator": "0",
        "global_name": name,
        "avatar": None,
        "bot": bot,
        "flags": 0,
        "public_flags": 0,
        "primary_guild": None,
    }


def bot_user(app: Application) -> Json:
    return user(app.bot_user_id, app.name, bot=True)


def application(app: Application) -> Json:
    return {
        "id": str(app.application_id),
        "name": app.name,
        "icon": None,
        "description": "",
        "type": None,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "role_connections_verification_url": None,
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": app.public_key,
        "owner": user(1, "owner"),
        "team": None,
        "bot": bot_user(app),
        "interactions_endpoint_url": app.interactions_endpoint_url,
    }


def member(person: Member | Application, guild: Guild) -> Json:
    """A guild member: a person, or the bot itself."""
    account = user(person.user_id, person.name) if hasattr(person, "user_id") else bot_user(person)
    bot = guild.world.applications.get(int(account["id"]))
    own_roles = [guild.role_of(bot)] if bot else getattr(person, "roles", ())
    until = guild.timed_out.get(int(account["id"]))
    return {
        "user": account,
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "roles": [str(role) for role in own_roles],
        "communication_disabled_until": None if until is None else iso(until),
        "joined_at": iso(guild.world.clock.time()),
        "deaf": False,
        "mute": int(account["id"]) in guild.muted,
        "pending": False,
        "flags": 0,
    }


def channel(place: Channel) -> Json:
    payload: Json = {
        "id": str(place.id),
        "type": int(place.type),
        "guild_id": str(place.guild.id),
        "name": place.name,
        "position": 0,
        "flags": 0,
        "parent_id": None,
        "nsfw": False,
        "last_message_id": None,
        "permission_overwrites": [
            {
                "id": str(place.guild.role_of(app)),
                "type": ROLE_OVERWRITE,
                "allow": str(int(place.bot_permissions & ~place.guild.bots_base)),
                "deny": str(int(place.guild.bots_base & ~place.bot_permissions)),
            }
            for app in place.guild.applications
            if place.bot_permissions != place.guild.bots_base
        ],
    }
    if payload["type"] in _WITH_SOUND:
        return payload | {"bitrate": 64_000, "user_limit": place.user_limit, "rtc_region": None}
    return payload | {"topic": None, "rate_limit_per_user": 0}


def roles(guild: Guild) -> list[Json]:
    """Everyone's, and the one that Discord makes for each bot when it is invited."""
    own = [_role(guild.role_of(app), app.name, guild.bot_role) for app in guild.applications]
    for role, app in zip(own, guild.applications, strict=True):
        role |= {"managed": True, "position": 1, "tags": {"bot_id": str(app.bot_user_id)}}
    return [_role(guild.id, "@everyone", guild.everyone), *own]


def _role(role_id: int, name: str, permissions: int) -> Json:
    return {
        "id": str(role_id),
        "name": name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": str(int(permissions)),
        "icon": None,
        "unicode_emoji": None,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def guild_summary(guild: Guild) -> Json:
    """A guild as REST shows it: without channels, members and voice states."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "owner_id": "1",
        "afk_channel_id": str(guild.afk_channel.id) if guild.afk_channel else None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": roles(guild),
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "application_id": None,
        "banner": None,
        "description": None,
        "discovery_splash": None,
        "incidents_data": None,
        "premium_progress_bar_enabled": False,
        "public_updates_channel_id": None,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
    }


def guild_create(guild: Guild, app: Application, *, with_voice_states: bool) -> Json:
    """GUILD_CREATE as a session without the members intent gets it: itself and who is in voice."""
    known = guild.members | {other.bot_user_id: other for other in guild.applications if other is not app}
    in_voice = [known[user_id] for user_id in guild.voice_states if user_id in known]
    states = [voice_state(state) for state in guild.voice_states.values()] if with_voice_states else []
    for state in states:
        # Inside GUILD_CREATE these come without what is known from around them.
        del state["guild_id"], state["member"]
    return guild_summary(guild) | {
        "joined_at": iso(guild.world.clock.time()),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members) + len(guild.applications),
        "members": [member(app, guild), *(member(person, guild) for person in in_voice)],
        "channels": [channel(place) for place in guild.channels.values()],
        "threads": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "voice_states": states,
    }


def voice_state(state: VoiceState) -> Json:
    guild = state.guild
    person = guild.members.get(state.user_id) or guild.world.applications[state.user_id]
    return {
        "guild_id": str(guild.id),
        "channel_id": str(state.channel.id) if state.channel else None,
        "user_id": str(state.user_id),
        "member": member(person, guild),
        "session_id": state.session_id,
        "deaf": False,
        "mute": state.user_id in guild.muted,
        "self_deaf": state.self_deaf,
        "self_mute": state.self_mute,
        "self_stream": False,
        "self_video": False,
        "suppress": state.suppress,
        "request_to_speak_timestamp": state.requested_at,
    }
