"""What a command costs in DynamoDB, by the units that the service itself reports, and how big a STATE can grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.consumed import Meter, size
from tests.contract.members import GUILD, an_owed_reply, play, queued, skip
from tests.contract.stored import Kept
from timmybot.domain.change import Change
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import RECENT_INTERACTIONS, Action, GuildState, Loop
from timmybot.domain.ids import ChannelId, Epoch, InteractionId, OrderKey, PlayId, RoleId
from timmybot.domain.order_key import FRACTION_LIMIT, is_order_key
from timmybot.domain.sound import Effect
from timmybot.entrypoints.new_id import new_id
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ID_LENGTH = 32
"""Characters: twice those of an id as the processes make them."""

STATE_LIMIT = 1024
"""Bytes. One write unit is 1 KB, and every command writes STATE."""


@pytest.fixture
def write_units(dynamodb_client: DynamoDBClient) -> Callable[[], float]:
    """The write units used since it was last asked, indexes included."""
    meter = Meter(dynamodb_client)
    return lambda: meter.read().write


async def test_what_commands_cost(in_dynamodb: Kept, write_units: Callable[[], float]) -> None:
    store = in_dynamodb.stores.guilds.open(GUILD)
    reply = an_owed_reply(1, in_dynamodb.clock.now() + 900)
    await store.commit(replace(queued(await store.state(), "a"), owe=(reply,)))
    cost = {"a play that starts, and owes an answer": write_units()}
    await play(store, "b")
    cost["a play that waits"] = write_units()
    state = await store.commit(Change((await store.state()).pause()))
    cost["a pause"] = write_units()
    await store.commit(Change(state.resume()))
    cost["a resume"] = write_units()
    await skip(store)
    cost["a skip"] = write_units()
    await store.commit(Change((await store.state()).stop()))
    cost["a stop"] = write_units()
    assert cost == {
        # Three items of a transaction at two units each, and two for the index: a player is wanted, an answer owed.
        "a play that starts, and owes an answer": 8.0,
        "a play that waits": 4.0,
        "a pause": 1.0,
        "a resume": 1.0,
        "a skip": 1.0,
        # One more for leaving the index.
        "a stop": 2.0,
    }


async def test_a_command_costs_the_same_behind_a_long_queue(
    in_dynamodb: Kept, write_units: Callable[[], float]
) -> None:
    store = in_dynamodb.stores.guilds.open(GUILD)
    costs = []
    for number in range(40):
        await play(store, f"n{number}")
        costs.append(write_units())
    assert len(set(costs[1:])) == 1


async def test_a_state_in_which_everything_is_as_long_as_it_gets_costs_one_unit(
    in_dynamodb: Kept, dynamodb_client: DynamoDBClient, environment: Settings, write_units: Callable[[], float]
) -> None:
    big = 2**63 - 1
    key = OrderKey("9" * 12 + "." + "z" * FRACTION_LIMIT + "-" + "f" * ID_LENGTH)
    assert is_order_key(key)
    assert len(new_id()) <= ID_LENGTH
    longest = GuildState(
        voice_channel_id=ChannelId(big),
        text_channel_id=ChannelId(big),
        current=key,
        play_id=PlayId("f" * ID_LENGTH),
        position_ms=10**9,
        paused=True,
        away=True,
        loop=Loop.QUEUE,
        generation=999_999,
        generations=999_999,
        kept_generation=999_998,
        undo=Action.SHUFFLE,
        head=key,
        tail=key,
        overtaken=key,
        waiting=5_000,
        waiting_ms=10**12,
        waiting_unknown=4_999,
        version=0,
        epoch=Epoch(10**9),
        recent=tuple(InteractionId(big - number) for number in range(RECENT_INTERACTIONS)),
        settings=GuildSettings(199, 199, Effect.NIGHTCORE, -16, 1439, RoleId(big)),
    )
    store = in_dynamodb.stores.guilds.open(GUILD)
    await store.commit(Change(longest))
    write_units()
    await store.commit(Change(replace(longest, version=1, paused=False)))
    assert write_units() == 1.0
    stored = dynamodb_client.get_item(
        TableName=environment.names.table("guild-queues"), Key={"guild_id": {"S": str(GUILD)}, "item": {"S": "STATE"}}
    )["Item"]
    assert size(stored) < STATE_LIMIT


async def test_only_a_state_that_wants_a_player_is_in_the_index(
    in_dynamodb: Kept, dynamodb_client: DynamoDBClient, environment: Settings
) -> None:
    store = in_dynamodb.stores.guilds.open(GUILD)

    def indexed() -> int:
        scan = dynamodb_client.scan(TableName=environment.names.table("guild-queues"), IndexName="active-shard")
        return scan["Count"]

    await play(store, "a")
    assert indexed() == 1
    await store.commit(Change((await store.state()).stop()))
    assert indexed() == 0
