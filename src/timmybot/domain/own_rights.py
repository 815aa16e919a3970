"""What the bot itself may do in the channel where a command was given.

An answer to a command needs no right to write, so a member does not see that later messages, such as that a source
failed, will be lost.

Source: Discord, Permissions, "Bitwise Permission Flags" and "Permissions in Threads" (to write in a thread takes
another permission); Interaction Object, ``app_permissions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
SEND_MESSAGES: Final = 1 << 11
SEND_MESSAGES_IN_THREADS: Final = 1 << 38

_LOST: Final = (
    "\nI may not write in this channel, so nobody will read here why the music stops, if it does. "
    "Give me the permission {} here."
)


@dataclass(frozen=True)
class OwnRights:
    """The bot's permissions in a channel or, with ``in_thread``, in a thread."""

    permissions: int
    in_thread: bool = False

    @property
    def warning(self) -> str:
        """A line about what will be lost here, to follow an answer; empty if nothing will."""
        if self.permissions & ADMINISTRATOR:
            return ""
        if not self.permissions & VIEW_CHANNEL:
            return _LOST.format("View Channel")
        if self.in_thread:
            may_write, name = SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"
        else:
            may_write, name = SEND_MESSAGES, "Send Messages"
        return "" if self.permissions & may_write else _LOST.format(name)


ALL_RIGHTS: Final = OwnRights(ADMINISTRATOR)
