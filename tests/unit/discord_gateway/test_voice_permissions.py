"""Discord's permission computation, and the sentence that comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from timmybot.adapters.discord_gateway.entry_check import obstacle
from timmybot.adapters.discord_gateway.guild_facts import GuildFacts
from timmybot.adapters.discord_gateway.permissions import ALL, Overwrite, Permission, in_channel, in_guild
from timmybot.domain.ids import ChannelId, UserId

GUILD, OWNER, ME, DJ = 1, 10, 20, 30
VIEW, CONNECT, SPEAK = Permission.VIEW_CHANNEL, Permission.CONNECT, Permission.SPEAK
NOW = 1_767_225_600.0
"""The beginning of 2026."""


@pytest.mark.parametrize(
    ("member", "roles", "of_roles", "expected"),
    [
        (OWNER, [], {}, ALL),
        (ME, [], {GUILD: VIEW}, VIEW),
        (ME, [DJ], {GUILD: VIEW, DJ: SPEAK}, VIEW | SPEAK),
        (ME, [DJ], {GUILD: VIEW, DJ: Permission.ADMINISTRATOR}, ALL),
        (ME, [99], {GUILD: VIEW}, VIEW),
    ],
)
def test_permissions_in_the_guild(member: int, roles: list[int], of_roles: dict[int, int], expected: int) -> None:
    assert in_guild(GUILD, OWNER, member, roles, of_roles) == expected


@pytest.mark.parametrize(
    ("base", "overwrites", "expected"),
    [
        (VIEW | CONNECT, [], VIEW | CONNECT),
        (VIEW | CONNECT, [Overwrite(GUILD, 0, CONNECT)], VIEW),
        (VIEW | CONNECT, [Overwrite(GUILD, 0, CONNECT), Overwrite(DJ, CONNECT, 0)], VIEW | CONNECT),
        (VIEW, [Overwrite(DJ, CONNECT, 0), Overwrite(ME, 0, CONNECT)], VIEW),
        (VIEW, [Overwrite(DJ, 0, CONNECT), Overwrite(31, CONNECT, 0)], VIEW | CONNECT),
        (VIEW, [Overwrite(99, CONNECT, 0)], VIEW),
        (VIEW | CONNECT | SPEAK, [Overwrite(GUILD, 0, VIEW)], 0),
        (ALL, [Overwrite(ME, 0, VIEW)], ALL),
    ],
)
def test_exceptions_of_a_channel_apply_in_discords_order(base: int, overwrites: list[Overwrite], expected: int) -> None:
    assert in_channel(base, GUILD, ME, [DJ, 31], overwrites) == expected


def facts(permissions: int = VIEW | CONNECT | SPEAK, **channel: Any) -> GuildFacts:
    return GuildFacts.from_create(
        {
            "id": str(GUILD),
            "owner_id": str(OWNER),
            "roles": [{"id": str(GUILD), "permissions": str(int(permissions))}],
            "channels": [{"id": "5", "type": 2, **channel}],
            "members": [{"user": {"id": str(ME)}, "roles": []}],
            "voice_states": [{"user_id": "77", "channel_id": "5"}],
        },
        UserId(ME),
    )


@pytest.mark.parametrize(
    ("guild", "said"),
    [
        (facts(), None),
        (facts(VIEW | CONNECT), "Speak"),
        (facts(VIEW), "Connect and Speak"),
        (facts(0), "View Channel"),
        (facts(type=0), "not a voice channel"),
        (facts(user_limit=1), "full"),
        (facts(user_limit=2), None),
        (facts(VIEW | CONNECT | SPEAK | Permission.MOVE_MEMBERS, user_limit=1), None),
        (facts(Permission.ADMINISTRATOR, user_limit=1), None),
        (facts(permission_overwrites=[{"id": str(ME), "allow": "0", "deny": str(int(SPEAK))}]), "Speak"),
    ],
)
def test_what_keeps_the_bot_out_is_said(guild: GuildFacts, said: str | None) -> None:
    found = obstacle(guild, ChannelId(5), UserId(ME), NOW)
    assert (found is None) if said is None else (found is not None and said in found)


def test_a_channel_that_is_not_there_is_said_to_be_missing() -> None:
    assert "cannot find" in (obstacle(facts(), ChannelId(6), UserId(ME), NOW) or "")


def test_facts_follow_the_events() -> None:
    guild = facts(VIEW)
    me = UserId(ME)
    guild.hear("GUILD_ROLE_CREATE", {"role": {"id": "30", "permissions": str(int(CONNECT | SPEAK))}}, me)
    guild.hear("GUILD_MEMBER_UPDATE", {"user": {"id": str(ME)}, "roles": ["30"]}, me)
    assert obstacle(guild, ChannelId(5), me, NOW) is None
    guild.hear("GUILD_MEMBER_UPDATE", {"user": {"id": "77"}, "roles": []}, me)
    assert obstacle(guild, ChannelId(5), me, NOW) is None
    guild.hear("CHANNEL_UPDATE", {"id": "5", "type": 2, "user_limit": 1}, me)
    assert "full" in (obstacle(guild, ChannelId(5), me, NOW) or "")
    guild.hear("VOICE_STATE_UPDATE", {"user_id": "77", "channel_id": None}, me)
    assert obstacle(guild, ChannelId(5), me, NOW) is None
    guild.hear("GUILD_ROLE_DELETE", {"role_id": "30"}, me)
    assert "Connect" in (obstacle(guild, ChannelId(5), me, NOW) or "")
    guild.hear("GUILD_UPDATE", {"owner_id": str(ME)}, me)
    assert obstacle(guild, ChannelId(5), me, NOW) is None
    guild.hear("CHANNEL_DELETE", {"id": "5"}, me)
    assert "cannot find" in (obstacle(guild, ChannelId(5), me, NOW) or "")


def test_a_timeout_keeps_the_bot_out_until_it_is_over_and_an_administrator_never() -> None:
    def timed_out(permissions: int, until: str | None) -> str | None:
        guild = facts(permissions)
        member: dict[str, Any] = {"user": {"id": str(ME)}, "roles": [], "communication_disabled_until": until}
        guild.hear("GUILD_MEMBER_UPDATE", member, UserId(ME))
        return obstacle(guild, ChannelId(5), UserId(ME), NOW)

    everything = VIEW | CONNECT | SPEAK
    said = timed_out(everything, "2026-01-01T00:00:01+00:00")
    assert said is not None
    assert "<t:1767225601:f>" in said
    assert timed_out(everything, "2025-12-31T23:59:59+00:00") is None
    assert timed_out(everything, None) is None
    assert timed_out(Permission.ADMINISTRATOR, "2026-01-01T00:00:01+00:00") is None


def test_a_bot_that_a_new_session_finds_in_the_channel_is_no_listener() -> None:
    bot, alice = {"id": "77", "bot": True}, {"id": "78"}
    created = {
        "id": str(GUILD),
        "owner_id": str(OWNER),
        "members": [{"user": {"id": str(ME), "bot": True}, "roles": []}, {"user": bot}, {"user": alice}],
        "voice_states": [{"user_id": "77", "channel_id": "5"}, {"user_id": "78", "channel_id": "5"}],
    }
    guild = GuildFacts.from_create(created, UserId(ME))
    assert guild.people_in(ChannelId(5)) == {78}
    guild.hear("VOICE_STATE_UPDATE", {"user_id": "77", "channel_id": None}, UserId(ME))
    assert guild.bots == set()
