"""The in-memory stores fail when they are told to: before a call took effect, or after."""

from __future__ import annotations

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeGuildStores
from timmybot.domain.change import Change
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import GuildId
from timmybot.ports.guild_store import StoreUnavailable


async def test_a_call_that_fails_before_has_changed_nothing_and_the_next_works() -> None:
    stores = FakeGuildStores(FakeClock())
    store = stores.open(GuildId(1))
    stores.faults.fail_before = 1
    with pytest.raises(StoreUnavailable):
        await store.commit(Change(GuildState()))
    assert (await store.state()).version == 0


async def test_a_call_that_fails_after_has_taken_effect() -> None:
    stores = FakeGuildStores(FakeClock())
    store = stores.open(GuildId(1))
    stores.faults.fail_after = 1
    with pytest.raises(StoreUnavailable):
        await store.commit(Change(GuildState()))
    assert (await store.state()).version == 1


async def test_in_an_outage_every_call_fails_until_it_is_over() -> None:
    stores = FakeGuildStores(FakeClock())
    stores.faults.outage = True
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await stores.open(GuildId(1)).state()
    stores.faults.outage = False
    await stores.open(GuildId(1)).state()
    assert stores.faults.calls == 4
