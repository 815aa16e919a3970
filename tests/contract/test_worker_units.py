"""What a worker costs in DynamoDB while it holds every shard: nothing playing, and playing in one guild.

Each act of a worker is metered by itself; how often it is done follows from the settings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.cloud.emulator import Emulator
from tests.contract.calm import CalmLoop
from tests.contract.conftest import patient_client_at
from tests.contract.consumed import Meter, Units
from tests.contract.tables import create_tables
from tests.fakes.guild import GUILD, SECOND_SONG, SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.adapters import dynamodb
from timmybot.domain.ids import ShardId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.inbox import Nudge
from timmybot.services.answering import Answering
from timmybot.services.wake import Waking
from timmybot.settings import Settings

ROOT = Path(__file__).parents[2]
READ_LIMIT, WRITE_LIMIT = 3.0, 0.5
"""Units a second: of a worker with nothing playing; of a worker that plays in one guild."""
TRACK_SECONDS = 200.0
SESSION = GatewaySession("0123456789abcdef0123456789abcdef", "wss://gateway-us-east1-b.discord.gg", 1_234_567)
"""As long as Discord's are."""


class MeteredTheatre(Theatre):
    """A theatre whose stores are in DynamoDB."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.settings = Settings(environment="worker-units")
        client = patient_client_at(emulator.endpoint_url)
        create_tables(client, self.settings)
        self.meter = Meter(client)
        stores = dynamodb.connect(self.settings, self.clock, client=client)
        self.guilds, self.leases, self.inbox = stores.guilds, stores.leases, stores.inbox  # type: ignore[assignment]
        self.source.has(SONG, "A song")
        self.source.has(SECOND_SONG, "Another song")
        self.answering = Answering(
            guilds=self.guilds,
            leases=self.leases,
            inbox=self.inbox,
            members=self.rest,
            waking=Waking(self.leases, self.scaler, self.metrics, self.clock, self.settings),
            clock=self.clock,
            new_id=self.new_id,
            settings=self.settings,
        )
        self.close: tuple[Callable[[], None], ...] = (stores.close, client.close)

    async def cost_of(self, act: Callable[[], Awaitable[object]]) -> Units:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, CalmLoop)
        await loop.calm()
        self.meter.read()
        await act()
        await loop.calm()
        return self.meter.read()


@dataclass(frozen=True)
class Costs:
    """Of one act each."""

    beat: Units
    look_at_inbox: Units
    scan: Units

    def a_second(self, settings: Settings) -> Units:
        rates = (
            (self.beat, settings.heartbeat_seconds),
            (self.look_at_inbox, settings.inbox_poll_seconds),
            (self.scan, settings.scan_seconds),
        )
        return Units(
            write=sum(units.write / seconds for units, seconds in rates),
            read=sum(units.read / seconds for units, seconds in rates),
        )


@dataclass(frozen=True)
class Measured:
    settings: Settings
    idle: Costs
    playing: Costs
    track: Units
    """What the worker writes for a track from its nudge to its end, but for what goes on all the time."""


async def _costs(theatre: MeteredTheatre, worker: FakeWorker) -> Costs:
    return Costs(
        await theatre.cost_of(worker.worker.beat),
        await theatre.cost_of(worker.worker.read_inbox),
        await theatre.cost_of(worker.worker.scan_all),
    )


async def _until(holds: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not holds():
            await asyncio.to_thread(int)  # a turn for the threads

    await asyncio.wait_for(wait(), 30)


@pytest.fixture(scope="module")
def measured(emulator: Emulator) -> Measured:
    with asyncio.Runner(loop_factory=CalmLoop) as runner:
        measured = runner.run(_measure(emulator))
    _write(measured)
    return measured


async def _measure(emulator: Emulator) -> Measured:
    theatre = MeteredTheatre(emulator)
    worker = theatre.new_worker("0123456789abcdef", start=False)
    await worker.worker.beat()
    for shard_id in range(theatre.settings.shard_count):
        await worker.leases.save_session(ShardId(shard_id), SESSION)
    for number in range(10):
        await theatre.inbox.post(Nudge(f"{number:016d}", GUILD, theatre.clock.now()))
    await worker.worker.read_inbox()
    idle = await _costs(theatre, worker)

    for url in (SONG, SECOND_SONG):
        await theatre.says("play", url=url)
    await worker.worker.read_inbox()
    player = worker.player(GUILD)
    await _until(lambda: player.sounds)
    await _until(lambda: len(theatre.rest.edits) == 2)
    playing = await _costs(theatre, worker)

    async def go_on() -> None:
        told = len(player.told)
        player.end()
        await _until(lambda: len(player.told) > told)

    track = await theatre.cost_of(go_on)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    for close in theatre.close:
        close()
    return Measured(theatre.settings, idle, playing, track)


def test_a_worker_that_holds_every_shard_and_plays_nothing_costs_little_to_keep(measured: Measured) -> None:
    cost = measured.idle.a_second(measured.settings)
    assert cost.read <= READ_LIMIT
    assert cost.write <= WRITE_LIMIT


def test_playing_in_one_guild_costs_no_more_than_half_a_write_unit_a_second(measured: Measured) -> None:
    cost = measured.playing.a_second(measured.settings)
    assert cost.write + measured.track.write / TRACK_SECONDS <= WRITE_LIMIT


def test_playing_in_one_more_guild_costs_only_what_its_tracks_cost(measured: Measured) -> None:
    assert measured.playing.beat.write == measured.idle.beat.write
    assert measured.playing.scan.write == 0


def test_negative_control_read_consistently_the_inbox_alone_would_cost_two_units_a_second(measured: Measured) -> None:
    assert measured.idle.look_at_inbox.read == 0.5
    more = 0.5 / measured.settings.inbox_poll_seconds
    assert measured.idle.a_second(measured.settings).read + more > READ_LIMIT


def test_the_page_in_the_docs_says_what_was_measured(measured: Measured) -> None:
    page = (ROOT / "docs" / "units.md").read_text()
    missing = [row for row in _rows(measured) if row not in page]
    assert not missing, "docs/units.md lacks:\n" + "\n".join(missing)


def _rows(measured: Measured) -> list[str]:
    settings, idle, playing = measured.settings, measured.idle, measured.playing
    total, with_tracks = idle.a_second(settings), playing.a_second(settings)
    tracks = measured.track.write / TRACK_SECONDS
    return [
        _row("heartbeat, and a look at heartbeats and leases", settings.heartbeat_seconds, idle.beat),
        _row("look at the inbox", settings.inbox_poll_seconds, idle.look_at_inbox),
        _row("scan of 16 shards", settings.scan_seconds, idle.scan),
        f"| **nothing plays: a second** | | **{total.write:.2f} / {total.read:.2f}** |",
        f"| **one guild plays: a second** | | **{with_tracks.write + tracks:.2f} / {with_tracks.read:.2f}** |",
    ]


def _row(name: str, seconds: float, units: Units) -> str:
    return f"| {name} | {seconds:g} s | {units.write:g} / {units.read:g} |"


def _write(measured: Measured) -> None:
    settings = measured.settings
    idle, playing = measured.idle.a_second(settings), measured.playing.a_second(settings)
    figures = {
        "idle_read_units_a_second": idle.read,
        "idle_write_units_a_second": idle.write,
        "playing_write_units_a_second": playing.write + measured.track.write / TRACK_SECONDS,
        "write_units_a_track": measured.track.write,
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "worker_units.json").write_text(json.dumps(figures, indent=2) + "\n")
