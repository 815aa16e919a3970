"""The stores that the contract suites ask: one of each kind, empty for every test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.session import get_session

from sandbox.cloud.emulator import Emulator
from tests.contract.stored import DynamoBackdoor, Kept, MemoryBackdoor, SqliteBackdoor
from tests.contract.tables import create_tables
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeGuildStores, FakeIdentifyBudget, FakeInbox, FakeLeaseStore, FakeTrackCache
from timmybot.adapters import dynamodb, sqlite
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

environments = (f"contract-{number}" for number in itertools.count())


@dataclass(frozen=True)
class MemoryStores:
    guilds: FakeGuildStores
    leases: FakeLeaseStore
    inbox: FakeInbox
    identify_budget: FakeIdentifyBudget
    tracks: FakeTrackCache


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def emulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Emulator]:
    directory = tmp_path_factory.mktemp("aws")
    async with Emulator(directory, region="eu-central-1", function_environment={}) as emulator:
        yield emulator


@pytest.fixture
def dynamodb_client(emulator: Emulator) -> Iterator[DynamoDBClient]:
    """The adapter's own client, with its own time-outs, speaking to the emulator."""
    client = client_at(emulator.endpoint_url)
    yield client
    client.close()


@pytest.fixture
def environment(dynamodb_client: DynamoDBClient) -> Settings:
    """The settings of a new environment, whose tables exist and are empty."""
    settings = Settings(environment=next(environments))
    create_tables(dynamodb_client, settings)
    return settings


@pytest.fixture
def in_memory(clock: FakeClock) -> Kept:
    guilds = FakeGuildStores(clock)
    stores = MemoryStores(guilds, FakeLeaseStore(clock), FakeInbox(), FakeIdentifyBudget(), FakeTrackCache(clock))
    return Kept(stores, clock, MemoryBackdoor(guilds))


@pytest.fixture
def in_sqlite(tmp_path: Path, clock: FakeClock) -> Iterator[Kept]:
    path = tmp_path / "timmybot.sqlite3"
    stores = sqlite.connect(path, Settings(), clock)
    backdoor = SqliteBackdoor(path)
    yield Kept(stores, clock, backdoor, backdoor)
    stores.close()


@pytest.fixture
def in_dynamodb(dynamodb_client: DynamoDBClient, environment: Settings, clock: FakeClock) -> Iterator[Kept]:
    stores = dynamodb.connect(environment, clock, client=dynamodb_client)
    backdoor = DynamoBackdoor(dynamodb_client, environment)
    yield Kept(stores, clock, backdoor, backdoor)
    stores.close()


@pytest.fixture(params=["in_memory", "in_sqlite", "in_dynamodb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    kept: Kept = request.getfixturevalue(request.param)
    return kept


@pytest.fixture(params=["in_sqlite", "in_dynamodb"])
def kept_outside(request: pytest.FixtureRequest) -> Kept:
    """Stores whose items others can write, too."""
    kept: Kept = request.getfixturevalue(request.param)
    return kept


EMULATED: dict[str, Any] = {
    "region_name": "eu-central-1",
    "aws_access_key_id": "sandbox",
    "aws_secret_access_key": "sandbox",
}


def client_at(endpoint_url: str) -> DynamoDBClient:
    """The adapter's own."""
    return dynamodb.dynamodb_client(endpoint_url=endpoint_url, **EMULATED)


def patient_client_at(endpoint_url: str) -> DynamoDBClient:
    """One that waits for an emulator on a busy machine: for what is counted, where a call tried twice counts twice."""
    config = Config(read_timeout=60.0, retries={"total_max_attempts": 1})
    client = get_session().create_client("dynamodb", config=config, endpoint_url=endpoint_url, **EMULATED)
    return cast("DynamoDBClient", client)
