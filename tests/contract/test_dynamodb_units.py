"""What a command costs in DynamoDB, by the units that the service itself reports, and how big a STATE can grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.members import GUILD, an_owed_reply, play, queued, skip
from tests.contract.stored import Kept
from timmybot.adapters.dynamodb.attributes import Item
from timmybot.domain.change import Change
from timmybot.domain.guild_state import RECENT_INTERACTIONS, GuildState
from timmybot.domain.ids import ChannelId, Epoch, InteractionId, OrderKey, PlayId
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Units = Callable[[], float]

STATE_LIMIT = 1024
"""Bytes. One write unit is 1 KB, and every command writes STATE."""


@pytest.fixture
def write_units(dynamodb_client: DynamoDBClient) -> Units:
    """The write units used since it was last asked, indexes included."""
    used: list[float] = []

    def ask(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"

    def listen(parsed: dict[str, Any], **_: object) -> None:
        capacity = parsed.get("ConsumedCapacity", [])
        used.extend(each["CapacityUnits"] for each in (capacity if isinstance(capacity, list) else [capacity]))

    for operation in ("PutItem", "TransactWriteItems"):
        dynamodb_client.meta.events.register(f"provide-client-params.dynamodb.{operation}", ask)
        dynamodb_client.meta.events.register(f"after-call.dynamodb.{operation}", listen)

    def units() -> float:
        total = sum(used)
        used.clear()
        return total

    return units


async def test_what_commands_cost(in_dynamodb: Kept, write_units: Units) -> None:
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
        # Three items of a transaction at two units each, and one for the index that the guild now is in.
        "a play that starts, and owes an answer": 7.0,
        "a play that waits": 4.0,
        "a pause": 1.0,
        "a resume": 1.0,
        "a skip": 1.0,
        # One more for leaving the index.
        "a stop": 2.0,
    }


async def test_a_command_costs_the_same_behind_a_long_queue(in_dynamodb: Kept, write_units: Units) -> None:
    store = in_dynamodb.stores.guilds.open(GUILD)
    costs = []
    for number in range(40):
        await play(store, f"n{number}")
        costs.append(write_units())
    assert len(set(costs[1:])) == 1


async def test_a_state_in_which_everything_is_as_long_as_it_gets_costs_one_unit(
    in_dynamodb: Kept, dynamodb_client: DynamoDBClient, environment: Settings, write_units: Units
) -> None:
    big = 2**63 - 1
    key = OrderKey("9" * 12 + "-" + "f" * 64)
    longest = GuildState(
        voice_channel_id=ChannelId(big),
        text_channel_id=ChannelId(big),
        current=key,
        play_id=PlayId("f" * 64),
        position_ms=10**9,
        paused=True,
        generation=999_999,
        head=key,
        tail=key,
        waiting=5_000,
        version=0,
        epoch=Epoch(10**9),
        recent=tuple(InteractionId(big - number) for number in range(RECENT_INTERACTIONS)),
    )
    store = in_dynamodb.stores.guilds.open(GUILD)
    await store.commit(Change(longest))
    write_units()
    await store.commit(Change(replace(longest, version=1, paused=False)))
    assert write_units() == 1.0
    stored = dynamodb_client.get_item(
        TableName=environment.names.table("guild-queues"), Key={"guild_id": {"S": str(GUILD)}, "item": {"S": "STATE"}}
    )["Item"]
    assert _size(stored) < STATE_LIMIT


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


def _size(item: Item) -> int:
    """Bytes, by the rules of "DynamoDB item sizes and formats" in the developer guide, rounded up."""
    return sum(len(name) + _attribute_size(value) for name, value in item.items())


def _attribute_size(attribute: Any) -> int:
    match attribute:
        case {"S": str(text)}:
            return len(text.encode())
        case {"N": str(digits)}:
            return (len(digits.lstrip("-")) + 1) // 2 + 2
        case {"L": list(each)}:
            return 3 + sum(1 + _attribute_size(one) for one in each)
    return 1
