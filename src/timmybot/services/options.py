"""The options of a command, checked again: Discord's client keeps to what was registered, and what it sends may not."""

from __future__ import annotations

from timmybot.domain.errors import CommandRefused
from timmybot.domain.guild_state import Loop
from timmybot.domain.ids import RoleId
from timmybot.services.invocation import Invocation
from timmybot.services.settings_commands import Choice


def position(invocation: Invocation, option: str, default: int | None = None) -> int:
    """A place in the queue, or the number of a page. Raises :class:`CommandRefused`."""
    if option not in invocation.options and default is not None:
        return default
    number = _whole(invocation.options.get(option, ""))
    if not number:
        raise CommandRefused(f"`{option}` has to be a number from 1 on, as `/queue` shows them.")
    return number


def whole(invocation: Invocation, option: str) -> int | None:
    """A whole number, 0 or more; ``None`` if it was left out. Raises :class:`CommandRefused`."""
    if option not in invocation.options:
        return None
    number = _whole(invocation.options[option])
    if number is None:
        raise CommandRefused(f"`{option}` has to be a number.")
    return number


def loop(invocation: Invocation) -> Loop:
    mode = invocation.options.get("mode")
    if mode not in [loop.value for loop in Loop]:
        raise CommandRefused("`mode` is one of `off`, `track` and `queue`.")
    return Loop(mode)


def chosen(invocation: Invocation) -> Choice:
    """What was given to ``/settings``. Choosing @everyone, whose role has the guild's id, lets everyone do it."""
    loudness, dj = invocation.options.get("loudness"), invocation.options.get("dj")
    if loudness is not None and loudness != "off" and not loudness.removeprefix("-").isdecimal():
        raise CommandRefused("`loudness` is `off` or one of those that I offer.")
    if dj is not None and not (dj.isascii() and dj.isdecimal() and len(dj) <= 20):
        raise CommandRefused("`dj` has to be a role.")
    return Choice(
        loudness=loudness,
        alone_minutes=whole(invocation, "leave_after"),
        dj=None if dj is None else RoleId(int(dj)),
        everyone=RoleId(invocation.guild_id),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
