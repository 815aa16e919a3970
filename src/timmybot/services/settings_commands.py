"""What members can choose for their guild: how it sounds, how loud, who may do what, how long to stay alone.

Settings are part of the guild's state. So a choice is one conditional write like any command, and a worker learns of it
with the state that it reads anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from timmybot.domain.change import Change
from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_settings import MOST_ALONE_MINUTES, GuildSettings
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import InteractionId, RoleId
from timmybot.domain.sound import MOST_VOLUME_PERCENT, SPEEDS_PERCENT, Effect
from timmybot.domain.standing import Standing
from timmybot.ports.guild_store import GuildStore
from timmybot.services.carrying_out import CarryingOut, Permit

_EFFECTS = {
    Effect.NONE: "No filter any more.",
    Effect.BASS: "More bass from now on.",
    Effect.NIGHTCORE: "Nightcore: a quarter faster, and higher with it.",
    Effect.SLOWED: "Slowed: a fifth slower, and lower with it.",
}


@dataclass(frozen=True)
class Choice:
    """What was given to ``/settings``; what is ``None`` stays as it is."""

    loudness: str | None
    """LUFS, or ``off``."""
    alone_minutes: int | None
    dj: RoleId | None
    everyone: RoleId
    """The role that all members have: chosen for ``dj``, everyone may do everything."""


class SettingsCommands:
    """The settings of the guild that ``store`` was opened for, on behalf of one interaction."""

    def __init__(self, store: GuildStore, interaction_id: InteractionId, standing: Standing) -> None:
        self._store = store
        self._interaction_id = interaction_id
        self._standing = standing

    async def volume(self, percent: int | None) -> str:
        """Set the volume, or tell it."""
        if percent is None:
            return f"The volume is {(await self._chosen()).volume_percent} %."
        _check_range("percent", percent, (0, MOST_VOLUME_PERCENT))
        answer = f"The volume is {percent} % from now on."
        return await self._choose(lambda settings: replace(settings, volume_percent=percent), answer)

    async def speed(self, percent: int | None) -> str:
        """Set the speed, or tell it."""
        if percent is None:
            return f"The speed is {(await self._chosen()).speed_percent} %."
        _check_range("percent", percent, SPEEDS_PERCENT)
        answer = f"The speed is {percent} % from now on."
        return await self._choose(lambda settings: replace(settings, speed_percent=percent), answer)

    async def effect(self, name: str) -> str:
        if name not in [effect.value for effect in Effect]:
            raise CommandRefused(f"`name` is one of {', '.join(f'`{effect.value}`' for effect in Effect)}.")
        effect = Effect(name)
        return await self._choose(lambda settings: replace(settings, effect=effect), _EFFECTS[effect])

    async def settings(self, choice: Choice) -> str:
        """Change what was chosen, which managers may, or tell everything."""
        if (choice.loudness, choice.alone_minutes, choice.dj) == (None, None, None):
            return _told(await self._chosen())
        if choice.alone_minutes is not None:
            _check_range("leave_after", choice.alone_minutes, (0, MOST_ALONE_MINUTES))

        def change(settings: GuildSettings) -> GuildSettings:
            try:
                return _changed(settings, choice)
            except ValueError:
                raise CommandRefused("`loudness` is `off` or one of those that I offer.") from None

        async def decide(state: GuildState) -> tuple[Change, str]:
            changed = change(state.settings)
            return Change(state.choose(changed)), _told(changed)

        return await self._carrying_out(lambda _: self._standing.check_manager())(decide)

    async def _chosen(self) -> GuildSettings:
        return (await self._store.state()).settings

    async def _choose(self, change: Callable[[GuildSettings], GuildSettings], answer: str) -> str:
        async def decide(state: GuildState) -> tuple[Change, str]:
            return Change(state.choose(change(state.settings))), answer

        return await self._carrying_out(self._standing.check_dj)(decide)

    def _carrying_out(self, permit: Permit) -> CarryingOut:
        return CarryingOut(self._store, self._interaction_id, permit)


def _changed(settings: GuildSettings, choice: Choice) -> GuildSettings:
    if choice.loudness is not None:
        settings = replace(settings, target_lufs=None if choice.loudness == "off" else int(choice.loudness))
    if choice.alone_minutes is not None:
        settings = replace(settings, alone_minutes=choice.alone_minutes)
    if choice.dj is not None:
        settings = replace(settings, dj_role_id=None if choice.dj == choice.everyone else choice.dj)
    return settings


def _told(settings: GuildSettings) -> str:
    loudness = "as it is" if settings.target_lufs is None else f"brought to {settings.target_lufs} LUFS"
    minutes = "1 minute" if settings.alone_minutes == 1 else f"{settings.alone_minutes} minutes"
    alone = f"after {minutes}" if settings.alone_minutes else "never"
    dj = "everyone" if settings.dj_role_id is None else f"<@&{settings.dj_role_id}>, and who may manage the server"
    return "\n".join(
        (
            f"Volume: {settings.volume_percent} % (`/volume`)",
            f"Speed: {settings.speed_percent} % (`/speed`)",
            f"Filter: {settings.effect.value} (`/filter`)",
            f"Loudness of each track: {loudness} (`/settings loudness`)",
            f"I leave an empty channel: {alone} (`/settings leave_after`)",
            f"Who may change what plays and waits: {dj} (`/settings dj`)",
        )
    )


def _check_range(option: str, value: int, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise CommandRefused(f"`{option}` goes from {low} to {high}.")
