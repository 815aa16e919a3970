"""Why the bot may not enter a voice channel and speak there, in a sentence that says what to change."""

from __future__ import annotations

from timmybot.adapters.discord_gateway.guild_facts import PLAYABLE, STAGE, VOICE, Channel, GuildFacts
from timmybot.adapters.discord_gateway.permissions import Permission, in_channel, in_guild, while_timed_out
from timmybot.domain.ids import ChannelId, UserId


def obstacle(facts: GuildFacts, channel_id: ChannelId, me: UserId, now: float) -> str | None:
    """What keeps the bot from playing in the channel at the Unix time ``now``, or ``None``."""
    channel = facts.channels.get(channel_id)
    if channel is None:
        return f"I cannot find <#{channel_id}>. If it still exists, give me the permission View Channel there."
    if channel.kind not in PLAYABLE:
        return f"<#{channel_id}> is not a voice channel. Join one and try again."
    if channel_id == facts.afk_channel_id:  # whatever the bot may: not even an administrator is heard there
        return _afk(channel_id)
    permissions = _permissions(facts, channel, me)
    if _is_timed_out(facts, permissions, now):
        return _timed_out(facts)
    if missing := _missing(permissions, channel):
        return f"I may not play in <#{channel_id}>. Give me this permission there: {' and '.join(missing)}."
    if _is_full(facts, channel_id, channel.user_limit, me) and not permissions & Permission.MOVE_MEMBERS:
        return (
            f"<#{channel_id}> is full. Raise its user limit, make room, or give me the permission Move Members there, "
            "which lets me in all the same."
        )
    return None


def may_not_speak(facts: GuildFacts, channel_id: ChannelId, me: UserId, now: float) -> str | None:
    """Why the bot, which is in the channel, is not heard there at the Unix time ``now``, or ``None``."""
    if channel_id == facts.afk_channel_id:
        return _afk(channel_id)
    channel = facts.channels.get(channel_id)
    if channel is None:
        return None
    permissions = _permissions(facts, channel, me)
    if _is_timed_out(facts, permissions, now):
        return _timed_out(facts)
    if channel.kind != VOICE or permissions & Permission.SPEAK:
        return None
    needed = "Speak" if permissions & Permission.VIEW_CHANNEL else "View Channel"
    return f"I may not speak in <#{channel_id}>, so I stopped. Give me the permission {needed} there."


def _afk(channel_id: ChannelId) -> str:
    return f"Nobody can be heard in the AFK channel <#{channel_id}>. Join another voice channel."


def _is_timed_out(facts: GuildFacts, permissions: int, now: float) -> bool:
    return now < facts.timed_out_until and while_timed_out(permissions) != permissions


def _timed_out(facts: GuildFacts) -> str:
    return (
        f"A moderator has timed me out until <t:{facts.timed_out_until:.0f}:f>, and until then I may be in no voice "
        "channel. Take the timeout off me, then try again."
    )


def _permissions(facts: GuildFacts, channel: Channel, me: UserId) -> int:
    base = in_guild(facts.guild_id, facts.owner_id, me, facts.my_roles, facts.roles)
    return in_channel(base, facts.guild_id, me, facts.my_roles, channel.overwrites)


def rights_on_stage(facts: GuildFacts, channel_id: ChannelId, me: UserId) -> int | None:
    """The bot's permissions in the channel, or ``None`` if it is no stage, as far as is known."""
    channel = facts.channels.get(channel_id)
    return _permissions(facts, channel, me) if channel is not None and channel.kind == STAGE else None


def _missing(permissions: int, channel: Channel) -> list[str]:
    if not permissions & Permission.VIEW_CHANNEL:  # then all others are gone with it, given or not
        return ["View Channel"]
    names = {Permission.CONNECT: "Connect"}
    if channel.kind == VOICE:  # on a stage another permission says who may speak, and one may be let
        names[Permission.SPEAK] = "Speak"
    return [name for permission, name in names.items() if not permissions & permission]


def _is_full(facts: GuildFacts, channel_id: ChannelId, user_limit: int, me: UserId) -> bool:
    others = sum(1 for user_id, where in facts.voice.items() if where == channel_id and user_id != me)
    return 0 < user_limit <= others
