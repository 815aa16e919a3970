"""What a member can be told when a command cannot be carried out.

    CommandRefused                the guild's state does not allow it; nothing was changed
    ├── NothingPlaying            there is nothing to skip, pause or resume
    ├── AlreadyAdvanced           the playing that was meant is over: someone else was faster
    ├── PlayingElsewhere          the bot plays in another voice channel
    └── QueueFull                 the guild's limit of waiting entries is reached

Every message says what happened and what to do next, and is shown as it stands.
"""

from __future__ import annotations

from timmybot.domain.ids import ChannelId


class CommandRefused(Exception):
    """The guild's state does not allow the command. ``str()`` is for the member; nothing was changed."""


class NothingPlaying(CommandRefused):
    def __init__(self) -> None:
        super().__init__("Nothing is playing. Start something with `/play`.")


class AlreadyAdvanced(CommandRefused):
    def __init__(self) -> None:
        super().__init__("That one was already skipped.")


class PlayingElsewhere(CommandRefused):
    def __init__(self, channel_id: ChannelId) -> None:
        super().__init__(f"I am playing in <#{channel_id}>. Join me there, or use `/stop` first.")


class QueueFull(CommandRefused):
    def __init__(self, limit: int) -> None:
        super().__init__(f"The queue is full: {limit:,} entries wait already. Skip or `/stop` to make room.")
