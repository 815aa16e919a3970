"""Tries whether a guild's store still takes writes under an epoch, with the worker's own store and in its own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.chaos.ground import Ground
from sandbox.demo.scene import Scene
from timmybot.adapters import dynamodb
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.change import Change
from timmybot.domain.ids import Epoch, GuildId
from timmybot.ports.guild_store import Fenced, GuildStore, VersionConflict
from timmybot.settings import Settings


async def epoch_of(ground: Ground, scene: Scene) -> int:
    """The epoch that fences the guild now."""
    async with _store(ground, scene) as store:
        return int((await store.state()).epoch)


async def write_under(ground: Ground, scene: Scene, epoch: int) -> bool:
    """Whether a write that changes nothing is taken under the epoch. A lost race is run again."""
    async with _store(ground, scene) as store:
        while True:
            try:
                await store.commit(Change(await store.state()), epoch=Epoch(epoch))
            except Fenced:
                return False
            except VersionConflict:
                continue
            return True


@asynccontextmanager
async def _store(ground: Ground, scene: Scene) -> AsyncIterator[GuildStore]:
    stores = dynamodb.connect(Settings(), SystemClock(), client=ground.cloud.client("dynamodb"))
    try:
        yield stores.guilds.open(GuildId(scene.guild.id))
    finally:
        stores.close()
