"""A guild that another worker has claimed: this one lets go of it at once, and never says to Discord that it leaves."""

from __future__ import annotations

import pytest

from tests.fakes.guild import ALICE, GUILD, OTHER_GUILD, SONG, VOICE
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import Epoch, GuildId, ShardId, WorkerId, shard_of
from timmybot.ports.voice import PlayerStatus
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.reconcile import Reconciler

NEIGHBOUR = GuildId(GUILD + 1)
"""On the same shard."""


def shard_in(theatre: Theatre) -> ShardId:
    return shard_of(GUILD, theatre.settings.shard_count)


async def plays_and_is_claimed(theatre: Theatre, worker: FakeWorker) -> None:
    """Somebody has taken the guild, and this worker has not heard of it."""
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).sounds
    held = worker.leases.held[shard_in(theatre)]
    await theatre.guilds.open(GUILD).claim(Epoch(held.epoch + 1))


async def fenced(theatre: Theatre, worker: FakeWorker) -> None:
    await plays_and_is_claimed(theatre, worker)
    worker.worker.nudge(GUILD)
    await theatre.clock.advance(theatre.settings.metrics_seconds + 1)


async def test_it_is_silent_and_gone_and_discord_is_told_nothing(theatre: Theatre, worker: FakeWorker) -> None:
    await fenced(theatre, worker)
    player = worker.player(GUILD)
    assert player.status() == PlayerStatus()
    assert player.told[2:4] == ["mute", "close"]
    await worker.drained()
    assert "leave" not in player.told, "that would throw the successor out"


async def test_it_does_not_keep_the_task_alive(theatre: Theatre, worker: FakeWorker) -> None:
    await fenced(theatre, worker)
    assert worker.metrics.last("Players") == 0
    assert not worker.protection.protected


async def test_negative_control_were_it_only_silent_it_would_count_as_playing_for_ever(
    theatre: Theatre, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def only_silent(self: Reconciler) -> None:
        self.silence()

    monkeypatch.setattr(Reconciler, "let_go", only_silent)
    await fenced(theatre, worker)
    await theatre.clock.advance(10 * theatre.settings.metrics_seconds)
    assert not worker.player(GUILD).sounds
    assert worker.metrics.last("Players") == 1
    assert worker.protection.protected


async def test_a_guild_that_is_another_workers_by_the_time_of_a_drain_is_not_left(
    theatre: Theatre, worker: FakeWorker
) -> None:
    """The last worker leaves its channels; but what it finds claimed as it saves the place is not its own to leave."""
    theatre.rest.whereabouts[NEIGHBOUR, ALICE] = VOICE
    await theatre.says("play", url=SONG, guild=NEIGHBOUR)
    await plays_and_is_claimed(theatre, worker)
    assert shard_of(NEIGHBOUR, theatre.settings.shard_count) == shard_in(theatre)
    await worker.drained()
    assert [told for told in worker.player(GUILD).told if told in {"leave", "close"}] == ["close"]
    assert worker.player(NEIGHBOUR).told[-1] == "leave", "control: it does leave what is its own"


async def test_a_shard_that_was_taken_during_a_drain_is_not_left(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    held = worker.leases.held.pop(shard_in(theatre))
    await worker.worker._held_guilds.hand_over(held.shard_id, None)
    assert worker.player(GUILD).status() == PlayerStatus()
    assert "leave" not in worker.player(GUILD).told


async def test_a_shard_that_is_lost_is_let_go_without_a_word_to_discord(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SONG, guild=OTHER_GUILD)
    await theatre.clock.advance(1)
    held = worker.leases.held[shard_in(theatre)]
    await theatre.leases.take(held, WorkerId("two"))
    await worker.worker.beat()
    assert worker.player(GUILD).status() == PlayerStatus()
    assert worker.player(GUILD).told[2:] == ["mute", "mute", "close"]
    assert worker.player(OTHER_GUILD).sounds, "it is on another shard"


class TestALoopThatEndedByABug:
    """Until the next scan nobody looks after the guild, and its player plays on."""

    @pytest.fixture(autouse=True)
    async def plays_unattended(self, theatre: Theatre, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise RuntimeError("a bug")

        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        monkeypatch.setattr(worker.player(GUILD), "pause", fail)
        await theatre.says("pause")
        await theatre.clock.advance(1)
        held: HeldGuilds = worker.worker._held_guilds
        assert not held._kept
        assert worker.player(GUILD).sounds

    async def test_its_player_ends_with_the_shard(self, theatre: Theatre, worker: FakeWorker) -> None:
        await worker.worker._held_guilds.drop(shard_in(theatre))
        assert worker.player(GUILD).told[-2:] == ["mute", "close"]

    async def test_its_player_leaves_with_the_last_worker(self, theatre: Theatre, worker: FakeWorker) -> None:
        await worker.worker._held_guilds.hand_over(shard_in(theatre), None)
        assert worker.player(GUILD).told[-1] == "leave"

    async def test_its_player_is_silent_after_a_standstill(self, worker: FakeWorker) -> None:
        worker.worker._held_guilds.silence_all()
        assert not worker.player(GUILD).sounds

    async def test_its_shard_is_not_given_away_as_idle(self, theatre: Theatre, worker: FakeWorker) -> None:
        assert not worker.worker._held_guilds.is_idle(shard_in(theatre))
