"""Guilds get what they want, whatever happens to the workers."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import settle
from tests.fakes.guild import ALICE, GUILD, OTHER_GUILD, SECOND_SONG, SONG, TEXT, VOICE
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, ShardId
from timmybot.ports.guild_store import StoreUnavailable
from timmybot.ports.voice import Ending
from timmybot.services.worker import BROKEN_STORE_SECONDS, HAND_OVER_LOOK_SECONDS

ELSEWHERE = ChannelId(79)
WITHIN_SECONDS = 3.0


async def test_a_play_is_heard_and_its_answer_says_what_plays(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    player = worker.player(GUILD)
    assert player.told == [f"join {VOICE}", "play First *song* from 0"]
    assert player.sounds
    assert theatre.rest.edits[InteractionId(900)] == r"Now playing **First \*song\*** (1:00)"
    assert await theatre.guilds.open(GUILD).owed_replies() == []


async def test_a_queued_songs_answer_says_that_it_waits(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(1)
    assert theatre.rest.edits[InteractionId(901)].startswith("Queued **Second song**")


async def test_the_next_song_follows_by_itself_and_after_the_last_the_bot_leaves(
    theatre: Theatre, worker: FakeWorker
) -> None:
    for url in (SONG, SECOND_SONG):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    player = worker.player(GUILD)
    player.end()
    await settle()
    assert player.told[-1] == "play Second song from 0"
    player.end()
    await settle()
    assert player.told[-1] == "leave"
    assert not (await theatre.guilds.open(GUILD).state()).wants_player


async def test_pause_resume_and_skip_reach_the_player(theatre: Theatre, worker: FakeWorker) -> None:
    for url in (SONG, SECOND_SONG):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    for command in ("pause", "resume", "skip"):
        await theatre.says(command)
        await theatre.clock.advance(1)
    assert worker.player(GUILD).told[-3:] == ["pause", "resume", "play Second song from 0"]


async def test_a_skip_and_a_natural_end_at_one_moment_advance_once(theatre: Theatre, worker: FakeWorker) -> None:
    for url in (SONG, SECOND_SONG, SONG):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    worker.player(GUILD).end()
    await theatre.says("skip")
    await theatre.clock.advance(1)
    state = await theatre.guilds.open(GUILD).state()
    assert state.waiting == 1
    assert worker.player(GUILD).told[-1] == "play Second song from 0"


async def test_what_cannot_be_played_is_answered_and_the_queue_goes_on(theatre: Theatre, worker: FakeWorker) -> None:
    for url in ("https://radio.example/nothing", SONG, "https://radio.example/nothing-either"):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).told == [f"join {VOICE}", "play First *song* from 0"]
    assert "I can't play" in theatre.rest.edits[InteractionId(900)]
    assert "nothing at that address" in theatre.rest.edits[InteractionId(902)]
    assert (await theatre.guilds.open(GUILD).state()).waiting == 0


async def test_a_song_that_breaks_off_is_told_in_the_text_channel_and_the_next_one_plays(
    theatre: Theatre, worker: FakeWorker
) -> None:
    for url in (SONG, SECOND_SONG):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    worker.player(GUILD).end(Ending.FAILED, "The server hung up.")
    await settle()
    assert theatre.rest.told == [(TEXT, "I can't go on with **First \\*song\\*** (1:00). The server hung up.")]
    assert worker.player(GUILD).told[-1] == "play Second song from 0"


async def test_a_song_that_does_not_begin_is_told_by_its_name_and_the_next_one_plays(
    theatre: Theatre, worker: FakeWorker
) -> None:
    for url in (SONG, SECOND_SONG):
        await theatre.says("play", url=url)
    await theatre.clock.advance(1)
    worker.player(GUILD).end(Ending.FAILED, "The server answered 404.", at_ms=0)
    await settle()
    assert theatre.rest.told == [(TEXT, "I can't play **First \\*song\\*** (1:00). The server answered 404.")]
    assert worker.player(GUILD).told[-1] == "play Second song from 0"


async def test_a_channel_that_cannot_be_joined_is_answered_with_the_reason(
    theatre: Theatre, worker: FakeWorker
) -> None:
    worker.player(GUILD).refusal = "I lack the permission to connect."
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert theatre.rest.edits[InteractionId(900)].startswith("I lack the permission to connect. The queue is kept")
    assert not (await theatre.guilds.open(GUILD).state()).wants_player


async def test_thrown_out_by_a_moderator_the_bot_does_not_come_back_by_itself(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).kick()
    await theatre.clock.advance(30)
    assert worker.player(GUILD).told.count(f"join {VOICE}") == 1
    assert any(said.endswith("`/undo` brings the queue back.") for _, said in theatre.rest.told)
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).sounds


async def test_moved_by_a_moderator_the_bot_stays_where_it_was_put(theatre: Theatre, worker: FakeWorker) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    worker.player(GUILD).move(ELSEWHERE)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).told[-1] == f"join {ELSEWHERE}", "it is there already: this accepts the move"
    assert (await theatre.guilds.open(GUILD).state()).voice_channel_id == ELSEWHERE
    assert worker.player(GUILD).sounds


async def test_a_slow_link_does_not_keep_another_guild_or_a_skip_waiting(theatre: Theatre, worker: FakeWorker) -> None:
    theatre.source.slow[SECOND_SONG] = asyncio.Event()
    await theatre.says("play", url=SONG)
    await theatre.says("play", url=SECOND_SONG)
    await theatre.clock.advance(1)
    await theatre.says("pause")
    await theatre.says("play", url=SONG, guild=OTHER_GUILD)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).told[-1] == "pause"
    assert worker.player(OTHER_GUILD).sounds


async def test_a_lost_nudge_is_made_up_for_by_the_scan(theatre: Theatre, worker: FakeWorker) -> None:
    theatre.inbox.faults.outage = True
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(theatre.settings.scan_seconds + 1)
    assert worker.player(GUILD).sounds


async def test_negative_control_without_the_scan_a_lost_nudge_is_never_made_up_for(
    theatre: Theatre, worker: FakeWorker
) -> None:
    theatre.inbox.faults.outage = True
    await theatre.says("play", url=SONG)
    theatre.guilds.wanting = _nobody  # type: ignore[method-assign]  # what the scan would find
    await theatre.clock.advance(60)
    assert not worker.player(GUILD).sounds


async def test_music_goes_on_while_the_store_is_away_and_commands_are_made_up_for(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(1)
    theatre.guilds.faults.outage = theatre.leases.faults.outage = True
    await theatre.clock.advance(30)
    assert worker.player(GUILD).sounds
    theatre.guilds.faults.outage = theatre.leases.faults.outage = False
    await theatre.says("pause")
    await theatre.clock.advance(10)
    assert worker.player(GUILD).told[-1] == "pause"


class TestSeveralWorkers:
    async def test_two_workers_share_the_shards(self, theatre: Theatre, worker: FakeWorker) -> None:
        second = theatre.new_worker("two")
        await theatre.clock.advance(20)
        assert (len(worker.leases.held), len(second.leases.held)) == (8, 8)
        assert not set(worker.leases.held) & set(second.leases.held)

    async def test_balancing_never_takes_a_shard_whose_guild_plays(self, theatre: Theatre, worker: FakeWorker) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        theatre.new_worker("two")
        await theatre.clock.advance(20)
        assert worker.player(GUILD).sounds
        assert worker.player(GUILD).told.count("mute") == 0

    async def test_after_a_crash_another_worker_goes_on_where_the_music_was(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        worker.player(GUILD).reach(42_000)
        await theatre.clock.advance(theatre.settings.heartbeat_seconds)
        await worker.killed()
        second = theatre.new_worker("two")
        await theatre.clock.advance(theatre.settings.lease_seconds + 2 * theatre.settings.heartbeat_seconds)
        assert second.player(GUILD).told == [f"join {VOICE}", "play First *song* from 43125"]
        assert second.sessions.resumed, "the dead worker's gateway session is resumed, not identified anew"

    async def test_nobody_takes_over_a_worker_that_beats(self, theatre: Theatre, worker: FakeWorker) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        second = theatre.new_worker("two")
        await theatre.clock.advance(60)
        assert worker.player(GUILD).sounds
        assert not second.player(GUILD).told

    async def test_a_worker_told_to_stop_hands_its_music_over(self, theatre: Theatre, worker: FakeWorker) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        second = theatre.new_worker("two")
        await theatre.clock.advance(5)
        worker.player(GUILD).reach(30_000)
        await worker.drained()
        await theatre.clock.advance(3)
        assert not worker.player(GUILD).sounds
        assert second.player(GUILD).told[-1] == "play First *song* from 30000"

    async def test_a_song_that_is_handed_over_is_silent_for_less_than_a_beat(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        second = theatre.new_worker("two")
        await theatre.clock.advance(5)
        worker.stop.set()
        silent_seconds = 0.0
        for _ in range(100):
            await theatre.clock.advance(0.1)
            silent_seconds += 0.1 * (not worker.player(GUILD).sounds and not second.player(GUILD).sounds)
        assert second.player(GUILD).sounds
        assert silent_seconds <= HAND_OVER_LOOK_SECONDS + 0.1

    async def test_the_last_worker_told_to_stop_leaves_the_channel_and_keeps_the_place(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        worker.player(GUILD).reach(30_000)
        await theatre.says("pause")
        await worker.drained()
        assert worker.player(GUILD).told[-1] == "leave"
        state = await theatre.guilds.open(GUILD).state()
        assert (state.position_ms, state.paused) == (30_000, True)

    async def test_a_player_that_is_not_heard_is_given_to_another_worker(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        second = theatre.new_worker("two")
        await theatre.clock.advance(5)
        worker.player(GUILD).get_stuck()
        await theatre.clock.advance(5)
        assert not worker.player(GUILD).sounds
        assert second.player(GUILD).sounds

    async def test_a_player_that_is_not_heard_is_given_away_as_soon_as_its_place_can_be_saved(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        """Found by the simulator: a try that could not be begun counted, and the next one was half a minute later."""
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        second = theatre.new_worker("two")
        await theatre.clock.advance(5)
        theatre.guilds.faults.outage = True
        worker.player(GUILD).get_stuck()
        await theatre.clock.advance(5)
        assert worker.player(GUILD).sounds
        theatre.guilds.faults.outage = False
        await theatre.clock.advance(5)
        assert second.player(GUILD).sounds

    async def test_a_player_that_is_not_heard_is_kept_when_there_is_no_other_worker(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        worker.player(GUILD).get_stuck()
        await theatre.clock.advance(5)
        assert len(worker.leases.held) == theatre.settings.shard_count

    async def test_an_older_worker_gives_way_to_a_newer_revision(self, theatre: Theatre, worker: FakeWorker) -> None:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        newer = theatre.new_worker("two", revision=2)
        await theatre.clock.advance(10)
        assert not worker.leases.held
        assert len(newer.leases.held) == theatre.settings.shard_count
        assert newer.player(GUILD).sounds
        assert not worker.protection.protected

    async def test_a_worker_that_stood_still_is_silent_and_its_writes_are_refused(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        """SIGSTOP for longer than the lease, then SIGCONT: it wakes up believing that it still owns."""
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        old_player = worker.player(GUILD)
        store = theatre.guilds.open(GUILD)
        old_epoch = (await store.state()).epoch
        second = theatre.new_worker("two", start=False)
        # The first stands still: only the second's acts happen while time passes.
        for _ in range(6):
            await second.worker.beat()
            theatre.clock.freeze(theatre.settings.heartbeat_seconds)
        await second.worker.beat()
        await settle()
        assert second.player(GUILD).sounds
        await worker.worker.beat()
        assert not old_player.sounds
        assert (await store.state()).epoch > old_epoch
        assert second.player(GUILD).sounds

    async def test_a_worker_that_stood_still_in_the_middle_of_a_beat_is_silent(
        self, theatre: Theatre, worker: FakeWorker
    ) -> None:
        """It wakes up waiting for the store, which is away: it must not send until it has asked again."""
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        assert worker.player(GUILD).sounds
        beating = asyncio.create_task(worker.worker.beat())
        await asyncio.sleep(0)
        theatre.clock.freeze(theatre.settings.lease_seconds)
        theatre.leases.faults.outage = True
        with pytest.raises(StoreUnavailable):
            await beating
        assert not worker.player(GUILD).sounds


async def test_a_worker_says_how_many_players_it_has_and_is_protected_while_it_plays(
    theatre: Theatre, worker: FakeWorker
) -> None:
    await theatre.says("play", url=SONG)
    await theatre.clock.advance(theatre.settings.metrics_seconds + 1)
    assert (worker.metrics.last("Players"), worker.metrics.last("Active")) == (1, 1)
    assert worker.metrics.last("FramesSent") == 50
    assert worker.protection.protected
    await theatre.says("stop")
    await theatre.clock.advance(theatre.settings.metrics_seconds + 1)
    assert worker.metrics.last("Active") == 0
    assert not worker.protection.protected


async def test_members_are_answered_even_when_the_answer_came_too_late(theatre: Theatre, worker: FakeWorker) -> None:
    theatre.rest.expired.add(InteractionId(900))
    await theatre.says("play", url=SONG, user=ALICE)
    await theatre.clock.advance(1)
    assert worker.player(GUILD).sounds
    assert await theatre.guilds.open(GUILD).owed_replies() == []


async def _nobody(shard_id: ShardId) -> list[GuildId]:
    return []


class TestAStoreThatSomebodyHasToMendFirst:
    @pytest.fixture
    async def broken(self, theatre: Theatre, worker: FakeWorker) -> FakeWorker:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        self._break(theatre, broken=True)
        return worker

    def _break(self, theatre: Theatre, *, broken: bool) -> None:
        for each in (theatre.guilds, theatre.leases, theatre.inbox):
            each.faults.broken = broken

    async def test_the_music_goes_on(self, theatre: Theatre, broken: FakeWorker) -> None:
        await theatre.clock.advance(theatre.settings.heartbeat_seconds)
        assert broken.player(GUILD).sounds

    @pytest.mark.parametrize("seconds_before", [0.0, 1.0, 60.0])
    async def test_a_worker_told_to_stop_leaves_the_channel_within_seconds(
        self, theatre: Theatre, broken: FakeWorker, seconds_before: float
    ) -> None:
        await theatre.clock.advance(seconds_before)
        began = theatre.clock.monotonic()
        await broken.drained()
        assert theatre.clock.monotonic() - began < WITHIN_SECONDS
        assert "leave" in broken.player(GUILD).told

    async def test_room_made_in_time_saves_the_place(self, theatre: Theatre, broken: FakeWorker) -> None:
        broken.player(GUILD).reach(30_000)
        broken.stop.set()
        await theatre.clock.advance(BROKEN_STORE_SECONDS / 2)
        self._break(theatre, broken=False)
        await broken.drained()
        assert (await theatre.guilds.open(GUILD).state()).position_ms == 30_000

    async def test_a_store_that_is_only_away_is_waited_for(self, theatre: Theatre, worker: FakeWorker) -> None:
        """The control: what comes back by itself is worth the wait, for then no place is lost."""
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        theatre.guilds.faults.outage = theatre.leases.faults.outage = True
        worker.stop.set()
        await theatre.clock.advance(10 * BROKEN_STORE_SECONDS)
        assert worker.task
        assert not worker.task.done()
        worker.player(GUILD).reach(30_000)
        theatre.guilds.faults.outage = theatre.leases.faults.outage = False
        await worker.drained()
        assert (await theatre.guilds.open(GUILD).state()).position_ms == 30_000

    async def test_members_are_told_who_can_do_something(self, theatre: Theatre, broken: FakeWorker) -> None:
        assert "Whoever runs me finds the reason in my log" in str(await theatre.says("skip"))
