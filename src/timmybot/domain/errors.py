"""What a member can be told when a command cannot be carried out.

    CommandRefused                the guild's state does not allow it; nothing was changed
    ├── NothingPlaying            there is nothing to skip, pause or resume
    ├── AlreadyAdvanced           the playing that was meant is over: someone else was faster
    ├── PlayingElsewhere          the bot plays in another voice channel
    ├── QueueFull                 the guild's limit of waiting entries is reached
    ├── NoSuchPosition            the queue is shorter than the position that was named
    ├── NoSuchPage                the queue has fewer pages than the one that was named
    ├── NoLongerWaiting           the entry that was picked has been played or removed meanwhile
    ├── NothingBefore             there is no track to go back to
    ├── NothingWaits              there is nothing to clear or shuffle
    ├── NothingToUndo             no destructive action is left to take back
    ├── TooMuchSince              too much has been queued since the action that was to be taken back
    ├── NotADj                    only members with a certain role may change what plays and waits here
    └── MayNotManage              only members who may manage the server may change its settings

Every message says what happened and what to do next, and is shown as it stands.
"""

from __future__ import annotations

from timmybot.domain.ids import ChannelId, RoleId


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
        super().__init__(f"The queue is full: it holds {limit:,} entries. Skip, `/remove` or `/clear` to make room.")


class NoSuchPosition(CommandRefused):
    def __init__(self, position: int, waiting: int) -> None:
        there = f"there are {waiting:,}" if waiting != 1 else "there is one"
        super().__init__(f"There is no number {position:,} in the queue: {there}. `/queue` shows them.")


class NoSuchPage(CommandRefused):
    def __init__(self, page: int, pages: int) -> None:
        super().__init__(
            f"There is no page {page:,}: the queue has {f'{pages:,} pages' if pages != 1 else 'one page'}."
        )


class NoLongerWaiting(CommandRefused):
    def __init__(self) -> None:
        super().__init__("That one was played or removed just now. Look at `/queue` and try again.")


class NothingBefore(CommandRefused):
    def __init__(self) -> None:
        super().__init__("There is nothing to go back to. `/history` shows what was played.")


class NothingWaits(CommandRefused):
    def __init__(self) -> None:
        super().__init__("Nothing waits in the queue. Add something with `/play`.")


class NothingToUndo(CommandRefused):
    def __init__(self) -> None:
        super().__init__("There is nothing to undo: only the last `/remove`, `/clear`, `/shuffle` or `/stop` can be.")


class TooMuchSince(CommandRefused):
    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit} tracks were queued since: I can't bring back what was there before them.")


class NotADj(CommandRefused):
    def __init__(self, role_id: RoleId) -> None:
        super().__init__(f"Only members with the role <@&{role_id}> may do that here. Ask one of them.")


class MayNotManage(CommandRefused):
    def __init__(self) -> None:
        super().__init__("Only members with the permission Manage Server may change my settings. Ask one of them.")
