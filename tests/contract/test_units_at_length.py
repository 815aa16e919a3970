"""What each command costs in DynamoDB, all its writes and reads counted, behind 1, 100 and 5,000 entries: the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sandbox.cloud.emulator import Emulator
from tests.contract.conftest import patient_client_at
from tests.contract.consumed import Meter, Units
from tests.contract.tables import create_tables
from tests.fakes.clock import FakeClock
from tests.fakes.guild import GUILD, TEXT, VOICE, FrontOfHouse
from timmybot.adapters import dynamodb
from timmybot.domain.change import Change
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import EntryId, PlayId, UserId
from timmybot.domain.order_key import at
from timmybot.domain.tally import Tally
from timmybot.domain.track import Entry, Track
from timmybot.entrypoints.new_id import new_id
from timmybot.services.answering import Answering
from timmybot.services.wake import Waking
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[2]
LENGTHS = (1, 100, 5_000)
HISTORY = 10
URL = "https://radio.example/some/path/of/an/ordinary/length/song.ogg"

COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "/play": ("play", {"url": URL}),
    "/play next": ("play", {"url": URL, "next": "True"}),
    "/move 1 2": ("move", {"position": "1", "to": "2"}),
    "/remove 1": ("remove", {"position": "1"}),
    "/undo of a remove": ("undo", {}),
    "/skip": ("skip", {}),
    "/previous": ("previous", {}),
    "/skip 2": ("skip", {"to": "2"}),
    "/pause": ("pause", {}),
    "/resume": ("resume", {}),
    "/loop": ("loop", {"mode": "off"}),
    "/volume": ("volume", {"percent": "80"}),
    "/queue": ("queue", {}),
    "/nowplaying": ("nowplaying", {}),
    "/history": ("history", {}),
    "/clear": ("clear", {}),
    "/undo of a clear": ("undo", {}),
    "/stop": ("stop", {}),
    "/undo of a stop": ("undo", {}),
}
LIMITS = {"/play": 8, "/play next": 8, "/skip": 5, "/pause": 3}
"""Write units."""
READ_LIMITS = {"/queue": 4}


class Metered:
    """One guild with a queue of some length, whose commands are carried out as the front door does."""

    def __init__(self, client: DynamoDBClient, environment: str) -> None:
        settings = Settings(environment=environment, queue_limit=LENGTHS[-1] + 100)
        create_tables(client, settings)
        self.meter = Meter(client)
        self.clock = FakeClock()
        self.stores = dynamodb.connect(settings, self.clock, client=client)
        self.house = FrontOfHouse(settings, self.clock)
        self.house.answering = Answering(
            guilds=self.stores.guilds,
            leases=self.stores.leases,
            inbox=self.stores.inbox,
            members=self.house.rest,
            waking=Waking(self.stores.leases, self.house.scaler, self.house.metrics, self.clock, settings),
            clock=self.clock,
            new_id=new_id,
            settings=settings,
        )

    async def fill(self, length: int) -> None:
        entries = [_entry(number) for number in range(1, HISTORY + 1 + length + 1)]
        await self.stores.guilds.open(GUILD).prepare(0, entries)
        current, waiting = entries[HISTORY], entries[HISTORY + 1 :]
        state = GuildState(VOICE, TEXT, current.key, PlayId(new_id()), head=current.key, tail=entries[-1].key)
        await self.stores.guilds.open(GUILD).commit(Change(state.counting(Tally.of(waiting))))

    async def cost_of(self, command: str, options: Mapping[str, str]) -> Units:
        self.meter.read()
        answer = await self.house.answering.answer(replace(self.house.invocation(command), options=options))
        assert not answer.ephemeral, f"{command}: {answer.content}"
        return self.meter.read()


def _entry(number: int) -> Entry:
    name = EntryId(new_id())
    return Entry(at(number, name), name, Track(URL, f"A song of an ordinary name, {number:05d}", 200_000), UserId(1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def costs(emulator: Emulator) -> AsyncIterator[dict[int, dict[str, Units]]]:
    """By length and command."""
    measured: dict[int, dict[str, Units]] = {}
    for length in LENGTHS:
        client = patient_client_at(emulator.endpoint_url)
        guild = Metered(client, f"units-{length}")
        await guild.fill(length)
        measured[length] = {
            name: await guild.cost_of(command, options) for name, (command, options) in COMMANDS.items()
        }
        if length == 100:
            measured[length]["/shuffle of 100"] = await guild.cost_of("shuffle", {})
        guild.stores.close()
        client.close()
    (ROOT / "build").mkdir(exist_ok=True)
    figures = {str(length): {name: asdict(units) for name, units in each.items()} for length, each in measured.items()}
    (ROOT / "build" / "units.json").write_text(json.dumps(figures, indent=2) + "\n")
    yield measured


def test_a_command_costs_the_same_at_any_length(costs: dict[int, dict[str, Units]]) -> None:
    short, *longer = (
        {name: units for name, units in costs[length].items() if name in COMMANDS and name != "/queue"}
        for length in LENGTHS
    )
    writes = {name: units.write for name, units in short.items()}
    assert all({name: units.write for name, units in each.items()} == writes for each in longer)
    # Behind one entry there are fewer to read beside it, never more.
    hundred, thousands = longer
    assert thousands == hundred
    assert all(short[name].read <= hundred[name].read for name in short)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_command_stays_below_its_limit(costs: dict[int, dict[str, Units]], name: str, length: int) -> None:
    assert costs[length][name].write <= LIMITS[name]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_page_near_the_head_is_cheap_to_read(costs: dict[int, dict[str, Units]], length: int) -> None:
    assert costs[length]["/queue"].read <= READ_LIMITS["/queue"]
    assert costs[length]["/queue"].write == 0


def test_the_page_in_the_docs_says_what_was_measured(costs: dict[int, dict[str, Units]]) -> None:
    page = (ROOT / "docs" / "units.md").read_text()
    missing = [row for row in rows(costs) if row not in page]
    assert not missing, "docs/units.md lacks:\n" + "\n".join(missing)


def rows(costs: dict[int, dict[str, Units]]) -> list[str]:
    """The rows of the table in the docs."""
    names = costs[100]
    columns = {name: [costs[length].get(name) for length in LENGTHS] for name in names}
    return [f"| `{name}` | {' | '.join(_cell(name, units) for units in each)} |" for name, each in columns.items()]


def _cell(name: str, units: Units | None) -> str:
    if units is None:
        return ""
    # How many pages a shuffle reads back depends on the keys it drew, so its reads differ from run to run.
    reads = "some" if name.startswith("/shuffle") else f"{units.read:g}"
    return f"{units.write:g} / {reads}"
