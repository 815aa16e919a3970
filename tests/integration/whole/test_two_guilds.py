"""Two guilds, one bot: each hears its own music, and each queue is its own. With the control that shows the teeth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sandbox.demo.judgement import Verdict, explained, hears_its_own
from sandbox.demo.scene import Scene, starts
from tests.integration.whole.conftest import House
from timmybot.domain.ids import GuildId, ShardId
from timmybot.entrypoints.assemble import Stores
from timmybot.ports.guild_store import GuildStore, GuildStores
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.inbox import Inbox
from timmybot.ports.lease_store import LeaseStore
from timmybot.ports.track_cache import TrackCache

LISTEN_SECONDS = 3.0
PATIENCE_SECONDS = 6.0


async def test_each_guild_hears_its_own_song_and_sees_its_own_queue(house: House) -> None:
    async with house.bot():
        verdicts = await play_in_both(house)
    assert all(verdict.ok for verdict in verdicts), verdicts


async def test_negative_control_if_the_guilds_shared_a_queue_the_demos_checks_would_object(house: House) -> None:
    async with house.bot(lambda stores: _shared(stores, GuildId(house.a.guild.id))):
        verdicts = await play_in_both(house)
    heard_by_b, queue_of_a, queue_of_b = verdicts[1], verdicts[2], verdicts[3]
    assert not heard_by_b.ok
    assert not queue_of_a.ok
    assert not queue_of_b.ok


async def play_in_both(house: House) -> list[Verdict]:
    """The demo's steps 3 to 5 in small: what each listener heard, then what each queue shows."""
    a, b = house.a, house.b
    await a.play(a.songs[0])
    await b.play(b.songs[0])
    await a.play(a.songs[1])
    await b.play(b.songs[1])
    heard = [await _heard(a, b), await _heard(b, a)]
    await b.skip()
    shown = [await scene.says("queue") for scene in (a, b)]
    for scene, answer in zip((a, b), shown, strict=True):
        heard.append(explained(answer.content, scene.expected))
    return heard


async def _heard(scene: Scene, other: Scene) -> Verdict:
    try:
        await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=LISTEN_SECONDS)
    except TimeoutError as silence:
        return Verdict(False, str(silence))
    strangers = [song.melody for song in other.songs]
    return hears_its_own(scene.ear.heard, scene.songs[0].melody, strangers, seconds=LISTEN_SECONDS)


@dataclass(frozen=True)
class _SharedQueue(GuildStores):
    """What the old bot had: one queue for all guilds."""

    stores: GuildStores
    everyones: GuildId

    def open(self, guild_id: GuildId) -> GuildStore:
        return self.stores.open(self.everyones)

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        return await self.stores.wanting(shard_id)


@dataclass(frozen=True)
class _Stores:
    guilds: GuildStores
    leases: LeaseStore
    inbox: Inbox
    identify_budget: IdentifyBudget
    tracks: TrackCache


def _shared(stores: Stores, everyones: GuildId) -> Stores:
    shared = _SharedQueue(stores.guilds, everyones)
    return _Stores(shared, stores.leases, stores.inbox, stores.identify_budget, stores.tracks)


async def test_songs_follow_each_other_and_the_bot_leaves_after_the_last(house: House) -> None:
    a = house.a
    async with house.bot():
        first = await a.play(a.songs[0])
        second = await a.play(a.songs[1])
        await first.wait_for(starts("Now playing **"), PATIENCE_SECONDS)
        await second.wait_for(starts("Queued **"), PATIENCE_SECONDS)
        await a.skip()
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
        await a.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while a.guild.bot_voice_state is not None:  # noqa: ASYNC110  # the fake Discord is looked at from outside
                await asyncio.sleep(0)
