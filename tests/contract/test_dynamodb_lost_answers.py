"""DynamoDB took the write and the answer was lost: the client's second try must not fail on the first one's success."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.emulator import Emulator
from tests.contract.conftest import client_at
from tests.contract.lossy_link import LossyLink, lossy_link
from tests.contract.members import GUILD, everything_queued, play, queued
from tests.contract.stored import Kept
from timmybot.adapters import dynamodb
from timmybot.domain.change import Change
from timmybot.domain.ids import Epoch, ShardId, WorkerId
from timmybot.domain.lease import ShardLease
from timmybot.ports.guild_store import StoreError, StoreUnavailable, VersionConflict
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TRIES = 2


@pytest.fixture
def link(emulator: Emulator) -> Iterator[LossyLink]:
    with lossy_link(emulator.endpoint_url) as link:
        yield link


@pytest.fixture
def client_behind(link: LossyLink) -> Iterator[DynamoDBClient]:
    client = client_at(link.url)
    yield client
    client.close()


@pytest.fixture
def behind(client_behind: DynamoDBClient, environment: Settings, in_dynamodb: Kept) -> Iterator[dynamodb.Stores]:
    """The same tables as ``in_dynamodb``, seen over the lossy link."""
    stores = dynamodb.connect(environment, in_dynamodb.clock, client=client_behind)
    yield stores
    stores.close()


async def test_a_pause_whose_first_answer_was_lost_has_happened(link: LossyLink, behind: dynamodb.Stores) -> None:
    store = behind.guilds.open(GUILD)
    state = await play(store, "a")
    link.lose, link.carried = 1, 0
    paused = await store.commit(Change(state.pause()))
    assert link.carried == TRIES
    assert await store.state() == paused


async def test_a_plain_conditional_write_over_that_link_fails_on_its_own_success(
    link: LossyLink, client_behind: DynamoDBClient, environment: Settings
) -> None:
    """The negative control: what botocore's retry says of a write that does not know itself."""
    link.lose = 1
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client_behind.put_item(
            TableName=environment.names.table("guild-queues"),
            Item={"guild_id": {"S": str(GUILD)}, "item": {"S": "STATE"}, "version": {"N": "1"}},
            ConditionExpression="attribute_not_exists(version)",
        )


async def test_a_play_whose_first_answer_was_lost_is_queued_once(link: LossyLink, behind: dynamodb.Stores) -> None:
    store = behind.guilds.open(GUILD)
    state = await store.state()
    link.lose, link.carried = 1, 0
    await store.commit(queued(state, "a"))
    assert link.carried == TRIES
    assert await everything_queued(store) == ["a"]
    assert (await store.state()).version == 1


async def test_someone_elses_write_is_not_taken_for_ones_own(
    link: LossyLink, behind: dynamodb.Stores, in_dynamodb: Kept
) -> None:
    store = behind.guilds.open(GUILD)
    state = await play(store, "a")
    await play(in_dynamodb.stores.guilds.open(GUILD), "b")
    link.lose = 1
    with pytest.raises(VersionConflict):
        await store.commit(Change(state.pause()))


async def test_a_claim_and_a_lease_whose_first_answers_were_lost_are_held(
    link: LossyLink, behind: dynamodb.Stores
) -> None:
    store, leases, me = behind.guilds.open(GUILD), behind.leases, WorkerId("anna")
    await play(store, "a")
    state = await store.state()
    link.lose = 1
    held = await leases.take(ShardLease(ShardId(3)), me)
    assert (held.owner, held.epoch) == (me, 1)
    link.lose = 1
    await leases.release(held, next_owner=None, session=None)
    link.lose = 1
    assert await behind.identify_budget.reserve(ShardId(3), 1000.0) == 0.0
    link.lose = 1
    assert (await store.claim(Epoch(1))).version == state.version + 1


async def test_when_every_answer_is_lost_the_store_is_unavailable_and_the_write_may_have_happened(
    link: LossyLink, behind: dynamodb.Stores
) -> None:
    store = behind.guilds.open(GUILD)
    state = await play(store, "a")
    link.lose = TRIES
    with pytest.raises(StoreUnavailable):
        await store.commit(Change(state.pause()))
    assert (await store.state()).paused


async def test_nobody_listening_is_a_store_that_is_unavailable(link: LossyLink, in_dynamodb: Kept) -> None:
    nobody = client_at("http://127.0.0.1:1")
    stores = dynamodb.connect(Settings(), in_dynamodb.clock, client=nobody)
    try:
        with pytest.raises(StoreUnavailable):
            await stores.guilds.open(GUILD).state()
    finally:
        stores.close()
        nobody.close()


async def test_a_call_that_is_never_answered_is_given_up_within_the_margin_of_a_lease(in_dynamodb: Kept) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = client_at(f"http://127.0.0.1:{mute.getsockname()[1]}")
        stores = dynamodb.connect(Settings(), in_dynamodb.clock, client=client)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await stores.guilds.open(GUILD).state()
        assert time.monotonic() - began < Settings().lease_margin_seconds
        stores.close()
        client.close()


async def test_a_missing_table_is_an_error_that_waiting_does_not_heal(
    dynamodb_client: DynamoDBClient, in_dynamodb: Kept
) -> None:
    stores = dynamodb.connect(Settings(environment="nowhere"), in_dynamodb.clock, client=dynamodb_client)
    with pytest.raises(StoreError, match="ResourceNotFoundException") as refused:
        await stores.guilds.open(GUILD).state()
    assert not isinstance(refused.value, StoreUnavailable)
    stores.close()
