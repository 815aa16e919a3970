"""What a member may do in a guild, as far as it is ours to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timmybot.domain.errors import MayNotManage, NotADj
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.ids import RoleId

ADMINISTRATOR: Final = 1 << 3
MANAGE_GUILD: Final = 1 << 5
"""Source: Discord, Permissions, "Bitwise Permission Flags"; Discord's client calls it Manage Server."""


@dataclass(frozen=True)
class Standing:
    """A member's roles and permissions at the moment of a command, as Discord told them."""

    roles: frozenset[RoleId] = frozenset()
    permissions: int = 0

    @property
    def manages(self) -> bool:
        return bool(self.permissions & (ADMINISTRATOR | MANAGE_GUILD))

    def check_dj(self, settings: GuildSettings) -> None:
        """Raises :class:`NotADj` if only DJs may change what plays and waits, and this member is none."""
        if settings.dj_role_id is not None and settings.dj_role_id not in self.roles and not self.manages:
            raise NotADj(settings.dj_role_id)

    def check_manager(self) -> None:
        """Raises :class:`MayNotManage`."""
        if not self.manages:
            raise MayNotManage


NOBODY_IN_PARTICULAR: Final = Standing()
