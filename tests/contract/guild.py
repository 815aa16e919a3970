"""A guild whose members give commands as the front door carries them out, on any store."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.contract.members import GUILD, MEMBER, TEXT, VOICE
from timmybot.domain.change import OwedReply
from timmybot.domain.ids import GuildId, InteractionId
from timmybot.domain.track import Entry, Track
from timmybot.entrypoints.new_id import new_id
from timmybot.ports.guild_store import GuildStore, GuildStores
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.queue_commands import QueueCommands

# Another process, which a test kills, must not give the same.
_interactions = itertools.count(10**18 + secrets.randbits(56))


@dataclass
class Members:
    """The members of one guild. Tracks are told apart by their names, which end their URLs."""

    stores: GuildStores
    guild_id: GuildId = GUILD
    limit: int = 5_000
    store: GuildStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = self.stores.open(self.guild_id)

    def player(self, interaction: int | None = None) -> GuildCommands:
        number = InteractionId(interaction or next(_interactions))
        return GuildCommands(self.store, number, new_id=new_id, queue_limit=self.limit)

    def queue(self, interaction: int | None = None) -> QueueCommands:
        number = InteractionId(interaction or next(_interactions))
        return QueueCommands(self.store, number, new_id=new_id, queue_limit=self.limit)

    async def play(
        self, *names: str, next_up: bool = False, interaction: int | None = None, settled: bool = True
    ) -> None:
        for name in names:
            number = interaction or next(_interactions)

            def owed(entry: Entry, number: int = number) -> OwedReply:
                return OwedReply(InteractionId(number), 7, f"token-{number}", entry.key, 9e12)

            url = _url(name)
            player = self.player(number)
            await player.play(url, user=MEMBER, voice=VOICE, text=TEXT, owed=owed, next_up=next_up)
            if settled:
                await self.store.settle(InteractionId(number))

    async def play_all(self, names: Sequence[str], interaction: int | None = None) -> str:
        tracks = [Track(_url(name), f"Song {name}", 60_000) for name in names]
        return await self.player(interaction).play_all(tracks, user=MEMBER, voice=VOICE, text=TEXT)

    async def heard(self) -> str | None:
        """What plays."""
        state = await self.store.state()
        entry = await self.store.entry(state.current, of=state) if state.current else None
        return _name(entry) if entry else None

    async def waiting(self) -> list[str]:
        state = await self.store.state()
        return [_name(entry) for entry in await self.store.entries(after=state.head, limit=10_000, of=state)]

    async def history(self) -> list[str]:
        return [_name(entry) for entry in await self.store.history(await self.store.state(), limit=10)]


def _url(name: str) -> str:
    return f"https://music.example/{name}"


def _name(entry: Entry) -> str:
    return entry.track.url.rpartition("/")[2]
