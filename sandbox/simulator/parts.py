"""The parts a worker and a front door are put together from, so that a safeguard's mutant can take one's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.simulator.lists import AnsweringLists
from timmybot.adapters.discord_voice.lane import Playing
from timmybot.adapters.discord_voice.outcome import Outcome, ended_unseen, is_spent
from timmybot.ports.guild_store import GuildStore
from timmybot.services.answering import Answering
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.leases import Leases
from timmybot.services.worker import Worker
from timmybot.settings import Settings


@dataclass(frozen=True)
class Parts:
    """The default is what is shipped."""

    leases: type[Leases] = Leases
    held_guilds: type[HeldGuilds] = HeldGuilds
    worker: type[Worker] = Worker
    answering: type[Answering] = AnsweringLists
    worker_store: Callable[[GuildStore], GuildStore] | None = None
    """Put between a worker and a guild's store."""
    command_store: Callable[[GuildStore], GuildStore] | None = None
    settings: Callable[[Settings], Settings] = lambda settings: settings
    is_spent: Callable[[Playing], bool] = is_spent
    ended_unseen: Callable[[Playing], Outcome | None] = ended_unseen
    """Both: what players ask of a stream that was opened before its turn."""
