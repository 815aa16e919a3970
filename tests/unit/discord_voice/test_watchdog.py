"""Players that should send and do not, and players that nobody listens to."""

from __future__ import annotations

import pytest

from tests.fakes.clock import settle
from tests.fakes.wire import Wire
from tests.unit.discord_voice.test_player import MUSIC, SONG, Stage
from timmybot.adapters.discord_voice.machine import State
from timmybot.adapters.discord_voice.watchdog import (
    FIRST_FRAME_SECONDS,
    LOOK_SECONDS,
    SILENT_SECONDS,
    SLOW_SECONDS,
    STUCK_SECONDS,
    Step,
    Watchdog,
)
from timmybot.domain.ids import GuildId, PlayId
from timmybot.ports.voice import Ending

GUILD = GuildId(1)


class Watched(Stage):
    """A stage that is looked at every half second, with its slots served meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.watchdog = Watchdog()

    async def go_on(self, seconds: float) -> None:
        for _ in range(round(seconds / LOOK_SECONDS)):
            if self.pacer.lane is not None and self.pacer.lane.packets is not None:
                self.serve(round(LOOK_SECONDS / 0.02))
            await self.clock.advance(LOOK_SECONDS)
            self.watchdog.look([(GUILD, self.player)], LOOK_SECONDS)
            await settle()

    @property
    def wire(self) -> Wire:
        """Of the connection that there is now."""
        assert self.pacer.lane
        assert isinstance(self.pacer.lane.packets, Wire)
        return self.pacer.lane.packets

    @property
    def steps(self) -> dict[Step, int]:
        return dict(self.watchdog.steps)


@pytest.fixture
async def stage() -> Watched:
    stage = Watched()
    stage.source.frames[SONG.url] = [b"song"] * 100_000
    await stage.player.join(MUSIC)
    await stage.player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    await stage.go_on(2)
    return stage


async def test_a_player_that_plays_is_left_alone(stage: Watched) -> None:
    await stage.go_on(60)
    assert stage.steps == {}
    assert stage.player.status().notices == ()


async def test_a_source_that_gives_nothing_any_more_is_opened_again_where_it_was(stage: Watched) -> None:
    stage.source.opened[-1].behind = True
    position_ms = stage.player.status().position_ms
    await stage.go_on(SILENT_SECONDS - LOOK_SECONDS)
    assert stage.steps == {}
    await stage.go_on(LOOK_SECONDS)
    assert stage.steps == {Step.REOPENED: 1}
    assert stage.source.opened[-2].closed
    assert stage.source.opened[-1].place * 20 == position_ms
    await stage.go_on(30)
    assert stage.steps == {Step.REOPENED: 1}
    (notice,) = stage.player.status().notices
    assert "opened it again" in notice
    stage.player.heard((notice,))
    assert stage.player.status().notices == ()


async def test_without_the_watchdog_it_would_stay_silent(stage: Watched) -> None:
    """The negative control of the test above."""
    stage.source.opened[-1].behind = True
    before = len(stage.sent)
    for _ in range(30):
        stage.serve(50)
    silence_and_keep_alives = 5 + 30 * 50 // 250
    assert len(stage.sent) <= before + silence_and_keep_alives


async def test_a_source_that_stays_dead_is_away_and_costs_no_other_worker_the_evening(stage: Watched) -> None:
    for _ in range(4):
        for stream in stage.source.opened:
            stream.behind = True
        await stage.go_on(SILENT_SECONDS)
    assert stage.steps == {Step.REOPENED: 1, Step.RECONNECTED: 1, Step.STUCK: 1}
    status = stage.player.status()
    assert (status.ending, status.trouble, status.stuck) == (
        Ending.AWAY,
        "Its source sends nothing any more.",
        False,
    )


@pytest.mark.parametrize("seconds", [10, FIRST_FRAME_SECONDS - 2])
async def test_a_slow_source_may_take_its_time_for_the_first_frame(stage: Watched, seconds: float) -> None:
    await begins_slowly(stage)
    slow = stage.source.opened[-1]
    await stage.go_on(seconds)
    slow.behind = False
    await stage.go_on(5)
    assert stage.steps == {}
    assert stage.source.opened[-1] is slow
    assert slow.place * 20 == pytest.approx(5_000, abs=20), "it is heard as soon as it answers"


async def test_of_a_track_that_does_not_begin_the_channel_hears_within_ten_seconds_and_once(stage: Watched) -> None:
    await begins_slowly(stage)
    await stage.go_on(SLOW_SECONDS - LOOK_SECONDS)
    assert stage.player.status().notices == ()
    await stage.go_on(10 - SLOW_SECONDS)
    (notice,) = stage.player.status().notices
    assert "takes long to answer" in notice
    stage.player.heard((notice,))
    await stage.go_on(FIRST_FRAME_SECONDS - 10 - LOOK_SECONDS)
    assert stage.player.status().notices == ()
    await begins_slowly(stage)
    await stage.go_on(10)
    assert stage.player.status().notices == (notice,), "of the next one it hears, too"


async def test_a_track_that_never_begins_is_opened_again_and_at_last_has_failed(stage: Watched) -> None:
    stage.source.dry = True
    await begins_slowly(stage)
    await stage.go_on(3 * FIRST_FRAME_SECONDS)
    assert stage.steps == {Step.REOPENED: 1, Step.RECONNECTED: 1, Step.STUCK: 1}
    assert stage.player.status().ending is Ending.FAILED


async def begins_slowly(stage: Watched) -> None:
    """A track is played whose source gives nothing yet."""
    await stage.player.play(PlayId("next"), SONG, position_ms=0, paused=False)
    stage.source.opened[-1].behind = True


async def test_a_connection_over_which_nothing_goes_is_made_anew_and_at_last_given_to_another(stage: Watched) -> None:
    stage.wire.held = True
    await stage.go_on(SILENT_SECONDS)
    assert stage.steps == {Step.RECONNECTED: 1}
    assert stage.player.presence.state is State.UP
    stage.wire.held = True
    await stage.go_on(SILENT_SECONDS)
    assert stage.steps == {Step.RECONNECTED: 1, Step.STUCK: 1}
    assert stage.player.status().stuck
    assert len(stage.player.status().notices) == 2
    connections = stage.connections
    await stage.go_on(STUCK_SECONDS)
    assert stage.connections == connections + 1, "nobody came: it goes on trying, quietly"
    await stage.go_on(5)
    assert not stage.player.status().stuck, "and is well again once it is heard"
    assert stage.steps == {Step.RECONNECTED: 1, Step.STUCK: 1}


async def test_while_it_waits_for_the_keys_of_other_bots_alone_nothing_is_done_and_nothing_said(stage: Watched) -> None:
    stage.wire.held, stage.signalling.others = True, 0
    await stage.go_on(STUCK_SECONDS)
    assert stage.steps == {}
    assert stage.player.status().notices == ()
    stage.signalling.others = 1
    await stage.go_on(SILENT_SECONDS)
    assert stage.steps == {Step.RECONNECTED: 1}, "somebody came, who hears nothing"


async def test_a_server_that_does_not_listen_any_more_is_left_although_half_of_all_sends_succeed(
    stage: Watched,
) -> None:
    """Or fewer: hosts answer closed ports as seldom as once a second."""
    stage.wire.gone = True
    await stage.go_on(SILENT_SECONDS)
    assert stage.steps == {Step.RECONNECTED: 1}
    await stage.go_on(30)
    assert stage.steps == {Step.RECONNECTED: 1}
    (notice,) = stage.player.status().notices
    assert "connected to the voice channel again" in notice


async def test_one_answer_that_nobody_listens_is_not_believed(stage: Watched) -> None:
    stage.wire.gone = True
    stage.serve(2)
    stage.wire.gone = False
    await stage.go_on(30)
    assert stage.steps == {}


async def test_who_is_paused_or_muted_should_not_send(stage: Watched) -> None:
    stage.player.pause()
    await stage.go_on(30)
    stage.player.resume()
    stage.player.mute()
    await stage.go_on(30)
    assert stage.steps == {}


async def test_how_long_nobody_listens_is_counted_from_when_the_last_one_left(stage: Watched) -> None:
    stage.signalling.others = 0
    await stage.go_on(60)
    assert stage.player.status().alone_seconds == pytest.approx(60)
    stage.signalling.others = 1
    await stage.go_on(1)
    assert stage.player.status().alone_seconds == 0
    stage.signalling.others = 0
    await stage.go_on(10)
    await stage.player.leave()
    assert stage.player.status().alone_seconds == 0
