"""A release that writes a shape which the one before it cannot read, while both are running."""

from __future__ import annotations

from tests.fakes.guild import GUILD, SONG
from tests.fakes.stores import FakeGuildStores
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import GuildId, ShardId
from timmybot.ports.guild_store import GuildStore, NewerRelease


class OlderReleaseStores:
    """The stores as a release sees them that cannot read what was written since ``overtaken``."""

    def __init__(self, stores: FakeGuildStores) -> None:
        self._stores = stores
        self.overtaken = False

    def open(self, guild_id: GuildId) -> GuildStore:
        return OlderReleaseStore(self._stores.open(guild_id), self)  # type: ignore[return-value]  # all of it

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        return await self._stores.wanting(shard_id)


class OlderReleaseStore:
    def __init__(self, store: GuildStore, stores: OlderReleaseStores) -> None:
        self._store = store
        self._stores = stores

    def __getattr__(self, name: str) -> object:
        if self._stores.overtaken and name in ("state", "claim", "commit"):
            return self._refuse
        return getattr(self._store, name)

    async def _refuse(self, *_: object, **__: object) -> None:
        raise NewerRelease("a newer release has written it")


async def with_an_older_worker_that_plays(theatre: Theatre) -> tuple[FakeWorker, OlderReleaseStores]:
    stores, theatre.guilds = theatre.guilds, OlderReleaseStores(theatre.guilds)  # type: ignore[assignment]
    older_stores: OlderReleaseStores = theatre.guilds  # type: ignore[assignment]
    older = theatre.new_worker("older")
    theatre.guilds = stores
    await theatre.clock.advance(1)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert older.player(GUILD).sounds
    return older, older_stores


async def test_the_music_goes_on_and_is_handed_to_a_worker_of_the_newer_release(theatre: Theatre) -> None:
    older, stores = await with_an_older_worker_that_plays(theatre)
    stores.overtaken = True
    older.player(GUILD).reach(30_000)
    await theatre.says("pause")  # taken by a front door of the newer release, which writes the newer shape
    await theatre.says("resume")
    await theatre.clock.advance(5)
    assert older.player(GUILD).sounds, "it plays what it played until it is relieved"
    assert older.leases.held
    newer = theatre.new_worker("newer", revision=2)
    await theatre.clock.advance(6)
    assert not older.leases.held
    assert not older.player(GUILD).sounds
    assert newer.player(GUILD).told[-1] == "play First *song* from 30000"


async def test_an_older_worker_alone_writes_nothing_over_what_it_cannot_read(theatre: Theatre) -> None:
    """Rolled back too far: nothing is lost, and a release that can read it goes on."""
    _, stores = await with_an_older_worker_that_plays(theatre)
    stores.overtaken = True
    written = (await theatre.guilds.open(GUILD).state()).version
    await theatre.clock.advance(60)
    assert (await theatre.guilds.open(GUILD).state()).version == written


async def test_an_older_front_door_says_that_an_update_is_under_way(theatre: Theatre) -> None:
    await theatre.says("play", url=SONG)
    theatre.guilds.stored[GUILD].state = {"schema": 2, "version": 9}
    answer = await theatre.says("skip")
    assert answer.content == "I am being updated, and your queue is kept. Try again in a minute."
    assert answer.ephemeral
    assert theatre.guilds.stored[GUILD].state == {"schema": 2, "version": 9}
