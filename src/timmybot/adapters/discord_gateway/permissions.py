"""What a member may do in a channel: Discord's permission computation, on numbers alone.

Source: Discord, Permissions, "Permission Hierarchy", "Permission Overwrites" and "Implicit Permissions".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Final


class Permission(IntFlag):
    """The permissions that playing needs. Source: Discord, Permissions, "Bitwise Permission Flags"."""

    ADMINISTRATOR = 1 << 3
    VIEW_CHANNEL = 1 << 10
    READ_MESSAGE_HISTORY = 1 << 16
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    MOVE_MEMBERS = 1 << 24
    REQUEST_TO_SPEAK = 1 << 32


ALL: Final = (1 << 63) - 1
_TIMED_OUT: Final = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
"""Source: Discord, Permissions, "Permissions for Timed Out Members"."""


@dataclass(frozen=True)
class Overwrite:
    """A channel's exception for one role or one member, named by ``target_id``."""

    target_id: int
    allow: int
    deny: int


def in_guild(
    guild_id: int, owner_id: int, member_id: int, member_roles: Iterable[int], roles: Mapping[int, int]
) -> int:
    """The member's permissions before any channel's exceptions. ``roles`` maps role ids to their permissions.

    The role of everyone has the guild's own id.
    """
    if member_id == owner_id:
        return ALL
    permissions = roles.get(guild_id, 0)
    for role_id in member_roles:
        permissions |= roles.get(role_id, 0)
    return ALL if permissions & Permission.ADMINISTRATOR else permissions


def in_channel(
    base: int, guild_id: int, member_id: int, member_roles: Iterable[int], overwrites: Iterable[Overwrite]
) -> int:
    """The member's permissions in a channel: everyone's exception first, then all roles' at once, then their own."""
    if base & Permission.ADMINISTRATOR:
        return ALL
    by_target = {overwrite.target_id: overwrite for overwrite in overwrites}
    permissions = _apply(base, [by_target[guild_id]] if guild_id in by_target else [])
    of_roles = [by_target[role_id] for role_id in member_roles if role_id in by_target and role_id != guild_id]
    permissions = _apply(permissions, of_roles)
    permissions = _apply(permissions, [by_target[member_id]] if member_id in by_target else [])
    # Who cannot see a channel can do nothing else there either.
    return permissions if permissions & Permission.VIEW_CHANNEL else 0


def while_timed_out(permissions: int) -> int:
    """What is left of a member's permissions for as long as a timeout lasts. Owners and administrators lose nothing."""
    return permissions if permissions & Permission.ADMINISTRATOR else permissions & _TIMED_OUT


def _apply(permissions: int, overwrites: Iterable[Overwrite]) -> int:
    allow = deny = 0
    for overwrite in overwrites:
        allow |= overwrite.allow
        deny |= overwrite.deny
    return permissions & ~deny | allow
