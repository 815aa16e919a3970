"""A track that was opened before its turn, in every state in which its turn may find it.

Each history ends with what follows being heard: whatever becomes of one track, the queue goes on.
"""

from __future__ import annotations

import pytest

from tests.fakes.clock import settle
from tests.fakes.voice import FakeStream
from tests.unit.discord_voice.test_player import MISSING, MUSIC, OTHER, SONG, HandPacer, NeverFading, have_streams
from tests.unit.discord_voice.test_watchdog import Watched
from timmybot.adapters.discord_voice.lane import FADE_SLOTS, Lane, Playing
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.watchdog import FIRST_FRAME_SECONDS, SILENT_SECONDS, SLOW_SECONDS, Step
from timmybot.domain.ids import PlayId
from timmybot.domain.track import Track
from timmybot.ports.track_source import DecoderCrashed, Run, Sound, TrackError
from timmybot.ports.voice import Ending

NEXT, THIRD, EMPTY = Track("memory:next"), Track("memory:third"), Track("memory:empty")
GONE = TrackError("The server answered 404.")


class Evening(Watched):
    """OTHER plays, which is two frames long; NEXT is prepared, and THIRD waits behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.source.frames |= {NEXT.url: [b"next"] * 5, THIRD.url: [b"third"] * 100_000, EMPTY.url: []}

    async def begin(self, following: Track = NEXT) -> FakeStream:
        await self.player.join(MUSIC)
        await self.player.play(PlayId("first"), OTHER, position_ms=0, paused=False)
        self.player.prepare(following)
        return self.prepared

    @property
    def prepared(self) -> FakeStream:
        """What was opened last."""
        return self.source.opened[-1]

    async def play_out(self) -> None:
        """Serve the last frames of OTHER and the slot after them, and let the loop hear of it."""
        self.serve(3)
        await settle()
        assert self.player.status().ending is Ending.FINISHED

    async def take_turn(self, track: Track = NEXT, *, position_ms: int = 0, sound: Sound | None = None) -> list[bytes]:
        """Its turn has come, as the reconciler has it; what the next two slots bring."""
        sound = sound or Sound()
        await self.player.play(PlayId("second"), track, position_ms=position_ms, paused=False, sound=sound)
        heard = self.serve(2)
        await settle()
        return heard

    async def reach_the_third(self) -> None:
        """The guild's next track is heard, and nothing is left open but it."""
        await self.player.play(PlayId("third"), THIRD, position_ms=0, paused=False)
        self.serve(FADE_SLOTS)
        assert self.serve(1) == [b"third"]
        await settle()
        assert [stream.closed for stream in self.source.opened[:-1]] == [True] * (len(self.source.opened) - 1)
        assert self.player.status().ending is None

    @property
    def outcome(self) -> tuple[Ending | None, str | None]:
        return self.player.status().ending, self.player.status().trouble


@pytest.fixture
def evening() -> Evening:
    return Evening()


def fail(stream: FakeStream) -> None:
    """The link dies: nothing of what was there is given any more."""
    stream.frames, stream.trouble = [], GONE


async def test_one_that_crashed_its_decoder_is_told_in_its_turn_and_not_opened_again_before(evening: Evening) -> None:
    stream = await evening.begin()
    stream.frames, stream.trouble = [], DecoderCrashed("It crashes my decoder.")
    await evening.play_out()
    await evening.take_turn()
    assert evening.outcome == (Ending.CRASHED, "It crashes my decoder.")
    assert evening.prepared is stream, "that it crashed is recorded before it is tried again"

    await evening.player.play(PlayId("second"), NEXT, position_ms=0, paused=False, alone=True)
    assert evening.serve(2)[-1] == b"next"
    assert evening.source.opened_alone[-1]
    await evening.reach_the_third()


# -- it is well ------------------------------------------------------------------------------------------------------


async def test_ready_it_begins_in_the_very_slot_and_its_turn_confirms_it(evening: Evening) -> None:
    await evening.begin()
    assert evening.serve(3) == [b"other", b"other", b"next"]
    await settle()
    assert await evening.take_turn() == [b"next", b"next"]
    assert evening.outcome == (None, None)
    assert len(evening.source.opened) == 2
    await evening.reach_the_third()


async def test_still_buffering_it_is_waited_for_and_not_opened_again(evening: Evening) -> None:
    stream = await evening.begin()
    stream.behind = True
    await evening.play_out()
    assert b"next" not in await evening.take_turn()
    assert evening.outcome == (None, None)
    stream.behind = False
    assert evening.serve(2) == [b"next", b"next"]
    assert evening.prepared is stream
    await evening.reach_the_third()


async def test_wanted_in_another_sound_it_goes_over_and_is_not_opened_again(evening: Evening) -> None:
    stream = await evening.begin()
    await evening.play_out()
    louder = Sound(gain_db=3.0)
    assert await evening.take_turn(sound=louder) == [b"next", b"next"]
    assert stream.sound == evening.player.status().sound == louder
    assert evening.prepared is stream
    await evening.reach_the_third()


async def test_heard_to_its_end_before_its_turn_was_confirmed_it_is_over_and_not_heard_twice(evening: Evening) -> None:
    """The store was away for longer than the track is."""
    await evening.begin()
    await evening.play_out()
    assert evening.serve(6).count(b"next") == 4, "the first of five is in the slot before"
    await settle()
    changes = evening.changes
    assert b"next" not in await evening.take_turn()
    assert evening.outcome == (Ending.FINISHED, None)
    assert evening.player.status().position_ms == 100
    assert evening.changes == changes + 1
    await evening.reach_the_third()


async def test_broken_off_in_mid_song_before_its_turn_was_confirmed_it_has_failed(evening: Evening) -> None:
    stream = await evening.begin()
    stream.trouble = None
    await evening.play_out()
    evening.serve(1)
    stream.frames, stream.trouble = [b"next"] * 2, GONE
    evening.serve(2)
    await settle()
    await evening.take_turn()
    assert evening.outcome == (Ending.FAILED, str(GONE))
    await evening.reach_the_third()


# -- it failed, or gave nothing --------------------------------------------------------------------------------------


async def test_failed_at_the_seam_it_is_opened_once_more_and_then_has_failed_for_a_reason(evening: Evening) -> None:
    await evening.begin(MISSING)
    await evening.play_out()
    assert len(evening.source.opened) == 2
    await evening.take_turn(MISSING)
    assert len(evening.source.opened) == 3
    assert evening.outcome == (Ending.FAILED, "There is nothing at that address.")
    assert evening.player.status().play_id == "second"
    await evening.reach_the_third()


async def test_failed_for_a_while_it_is_heard_at_its_turn_after_all(evening: Evening) -> None:
    fail(await evening.begin())
    await evening.play_out()
    assert await evening.take_turn() == [b"next", b"next"]
    assert evening.outcome == (None, None)
    await evening.reach_the_third()


async def test_failed_and_skipped_to_it_is_opened_once_more(evening: Evening) -> None:
    fail(await evening.begin())
    assert b"next" in await evening.take_turn()
    assert evening.outcome == (None, None)
    await evening.reach_the_third()


async def test_failed_while_the_channel_was_joined_it_is_opened_once_more(evening: Evening) -> None:
    evening.player.prepare(NEXT)
    fail(evening.prepared)
    await evening.player.join(MUSIC)
    assert await evening.take_turn() == [b"next", b"next"]
    await evening.reach_the_third()


async def test_failed_and_begun_paused_it_is_opened_once_more_and_waits(evening: Evening) -> None:
    fail(await evening.begin())
    await evening.play_out()
    await evening.player.play(PlayId("second"), NEXT, position_ms=0, paused=True)
    assert b"next" not in evening.serve(8)
    evening.player.resume()
    assert evening.serve(1) == [b"next"]
    await evening.reach_the_third()


async def test_failed_after_its_turn_had_come_it_has_failed_at_once(evening: Evening) -> None:
    stream = await evening.begin()
    stream.behind = True
    await evening.play_out()
    await evening.take_turn()
    stream.behind = False
    fail(stream)
    evening.serve(1)
    await settle()
    assert evening.outcome == (Ending.FAILED, str(GONE))
    assert evening.prepared is stream
    await evening.reach_the_third()


async def test_without_a_frame_it_is_opened_once_more_and_then_said_to_have_no_sound(evening: Evening) -> None:
    await evening.begin(EMPTY)
    await evening.play_out()
    await evening.take_turn(EMPTY)
    assert len(evening.source.opened) == 3
    assert evening.outcome == (Ending.FAILED, "There is no sound in that track.")
    await evening.reach_the_third()


async def test_without_a_frame_and_skipped_to_it_is_said_to_have_no_sound(evening: Evening) -> None:
    await evening.begin(EMPTY)
    await evening.take_turn(EMPTY)
    assert evening.outcome == (Ending.FAILED, "There is no sound in that track.")
    await evening.reach_the_third()


async def test_a_track_that_goes_on_where_it_ends_has_ended_and_not_failed(evening: Evening) -> None:
    """The control of the two above: a worker that took it over may have begun there."""
    await evening.begin()
    await evening.take_turn(NEXT, position_ms=100)
    assert evening.outcome == (Ending.FINISHED, None)


async def test_closed_under_its_feet_it_is_opened_once_more(evening: Evening) -> None:
    (await evening.begin()).close()
    await evening.play_out()
    assert await evening.take_turn() == [b"next", b"next"]
    await evening.reach_the_third()


async def test_raising_when_it_is_read_it_is_opened_once_more(evening: Evening) -> None:
    class Raises(FakeStream):
        def run(self) -> Run:
            raise RuntimeError("a stream broke its promise")

    await evening.player.join(MUSIC)
    await evening.player.play(PlayId("first"), OTHER, position_ms=0, paused=False)
    plain = evening.source.open
    have_streams(evening, Raises)
    evening.player.prepare(NEXT)
    evening.source.open = plain  # type: ignore[method-assign]
    evening.serve(2)
    with pytest.raises(RuntimeError):
        evening.serve(1)
    lane = evening.pacer.lane
    assert lane
    lane.breaks()
    await settle()
    assert await evening.take_turn() == [b"next", b"next"]
    await evening.reach_the_third()


@pytest.mark.parametrize("prepared", [False, True])
async def test_a_source_that_raises_costs_the_track_and_not_the_guild(evening: Evening, *, prepared: bool) -> None:
    def raises(*_: object, **__: object) -> FakeStream:
        raise RuntimeError("a source broke its promise")

    plain = evening.source.open
    await evening.begin(THIRD)
    evening.source.open = raises  # type: ignore[method-assign]
    if prepared:
        evening.player.prepare(NEXT)
    await evening.take_turn()
    assert evening.outcome == (Ending.FAILED, "Something went wrong in me while I played this track.")
    evening.source.open = plain  # type: ignore[method-assign]
    await evening.reach_the_third()


async def test_hung_it_is_told_of_and_at_last_has_failed(evening: Evening) -> None:
    (await evening.begin()).behind = True
    evening.source.dry = True
    await evening.play_out()
    await evening.take_turn()
    await is_told_to_be_slow(evening)
    await evening.go_on(3 * FIRST_FRAME_SECONDS)
    assert evening.outcome == (Ending.FAILED, "Its source sends nothing any more.")
    evening.source.dry = False
    await evening.reach_the_third()


async def test_hung_after_another_that_hung_it_is_told_of_and_has_failed_all_the_same(evening: Evening) -> None:
    evening.source.dry = True
    await evening.begin()
    for turn in ("second", "third"):
        await evening.player.play(PlayId(turn), NEXT, position_ms=0, paused=False)
        await is_told_to_be_slow(evening)
        await evening.go_on(3 * FIRST_FRAME_SECONDS)
        assert evening.outcome == (Ending.FAILED, "Its source sends nothing any more.")
        evening.player.heard(evening.player.status().notices)


async def test_skipped_to_while_it_buffers_it_may_take_its_time(evening: Evening) -> None:
    """What fades out is heard after its turn has come, and is none of it."""
    have_streams(evening, NeverFading)
    evening.source.frames[OTHER.url] = [b"other"] * 1_000
    stream = await evening.begin()
    stream.behind = True
    await evening.go_on(2)
    evening.serve(10)
    await evening.player.play(PlayId("second"), NEXT, position_ms=0, paused=False)
    evening.serve(2)
    await is_told_to_be_slow(evening)
    assert evening.steps == {}
    assert evening.prepared is stream
    stream.behind = False
    assert evening.serve(2) == [b"next"] * 2
    await evening.reach_the_third()


async def is_told_to_be_slow(evening: Evening) -> None:
    await evening.go_on(SLOW_SECONDS + 1)
    (notice,) = evening.player.status().notices
    assert "takes long to answer" in notice
    evening.player.heard((notice,))


# -- it is not what is wanted any more -------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [False, True])
async def test_another_track_is_wanted_after_it_began(evening: Evening, *, dead: bool) -> None:
    """It was removed, or the queue shuffled, in the moment of the seam."""
    stream = await evening.begin()
    if dead:
        fail(stream)
    await evening.play_out()
    await evening.reach_the_third()


@pytest.mark.parametrize("dead", [False, True])
async def test_another_track_is_prepared_in_its_place(evening: Evening, *, dead: bool) -> None:
    stream = await evening.begin()
    if dead:
        fail(stream)
    evening.player.prepare(THIRD)
    assert stream.closed
    assert evening.serve(3) == [b"other", b"other", b"third"]
    await settle()
    await evening.player.play(PlayId("third"), THIRD, position_ms=0, paused=False)
    assert evening.serve(1) == [b"third"]
    assert len(evening.source.opened) == 3


@pytest.mark.parametrize("dead", [False, True])
async def test_nothing_is_to_follow_any_more(evening: Evening, *, dead: bool) -> None:
    stream = await evening.begin()
    if dead:
        fail(stream)
    evening.player.prepare(None)
    assert stream.closed
    assert b"next" not in evening.serve(4)
    await settle()
    await evening.reach_the_third()


@pytest.mark.parametrize("dead", [False, True])
async def test_it_is_wanted_from_another_place(evening: Evening, *, dead: bool) -> None:
    stream = await evening.begin()
    if dead:
        fail(stream)
    await evening.play_out()
    await evening.take_turn(position_ms=40)
    assert evening.prepared is not stream
    assert evening.player.status().position_ms >= 40
    await evening.reach_the_third()


@pytest.mark.parametrize("dead", [False, True])
async def test_prepared_again_in_another_sound_it_stays_what_it_is(evening: Evening, *, dead: bool) -> None:
    stream = await evening.begin()
    if dead:
        fail(stream)
    louder = Sound(gain_db=3.0)
    evening.player.prepare(NEXT, louder)
    await evening.play_out()
    assert await evening.take_turn(sound=louder) == [b"next", b"next"]
    assert evening.prepared.sound == louder
    assert (evening.prepared is stream) is not dead
    await evening.reach_the_third()


# -- lost between the loop and the pacing thread ---------------------------------------------------------------------


async def test_what_gives_way_in_the_very_moment_in_which_it_ends_is_followed_all_the_same(evening: Evening) -> None:
    """The loop looks, the pacing thread ends what plays, and only then the loop says what follows."""
    await evening.player.join(MUSIC)
    await evening.player.play(PlayId("first"), OTHER, position_ms=0, paused=False)
    lane = evening.pacer.lane
    assert lane
    assert lane.playing
    ending = lane.playing
    evening.serve(3)
    next_one = Playing(evening.source.open(NEXT, position_ms=0), paused=False)
    lane.following = next_one
    ending.give_way()
    assert evening.serve(1) == [b"next"]
    assert [lane.playing, lane.following] == [next_one, None]


async def test_what_gives_way_while_it_falls_silent_is_followed_all_the_same(evening: Evening) -> None:
    await evening.player.join(MUSIC)
    await evening.player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    lane = evening.pacer.lane
    assert lane
    assert lane.playing
    evening.serve(1)
    evening.player.pause()
    evening.serve(1)
    assert lane.playing.still
    lane.following = Playing(evening.source.open(NEXT, position_ms=0), paused=False)
    assert b"next" not in evening.serve(3), "a pause is no end: what is prepared waits"
    lane.playing.yields = True
    assert evening.serve(1) == [b"next"]


async def begin_and_lose(evening: Evening, track: Track) -> Lane:
    """The player is told to play, and its lane has none of it."""
    await evening.player.join(MUSIC)
    await evening.player.play(PlayId("first"), track, position_ms=0, paused=False)
    lane = evening.pacer.lane
    assert lane
    await evening.go_on(2)
    lane.playing = None
    return lane


async def test_a_track_that_is_on_no_lane_is_opened_again_where_it_was_and_the_channel_told(evening: Evening) -> None:
    await begin_and_lose(evening, THIRD)
    position_ms = evening.player.status().position_ms
    await evening.go_on(SILENT_SECONDS)
    assert evening.steps == {Step.REOPENED: 1}
    assert evening.prepared.place * 20 == position_ms
    (notice,) = evening.player.status().notices
    assert "I had lost the track" in notice
    await evening.go_on(30)
    assert evening.steps == {Step.REOPENED: 1}
    assert evening.outcome == (None, None)


async def test_a_track_that_is_lost_again_and_again_has_failed(evening: Evening) -> None:
    lane = await begin_and_lose(evening, THIRD)
    for _ in range(4):
        await evening.go_on(SILENT_SECONDS)
        lane.playing = None
    assert evening.outcome[0] is Ending.FAILED
    await evening.reach_the_third()


class TakesWhatIsDead(VoicePlayer):
    """Makes the prepared stream the current one, whatever has become of it."""

    def _prepared_for(self, track: Track, position_ms: int) -> Playing | None:
        prepared, self._prepared = self._prepared, None
        return prepared.playing if prepared is not None else None

    def _confirm(self, playing: Playing) -> None:
        """Nobody looks whether it is over."""


async def test_negative_control_a_dead_stream_that_is_taken_over_is_noticed_by_the_watchdog(evening: Evening) -> None:
    evening.player = TakesWhatIsDead(
        source=evening.source,
        pacer=evening.pacer,
        clock=evening.clock,
        make_presence=evening._presence,
        changed=evening._changed,
    )
    await evening.begin(MISSING)
    await evening.play_out()
    await evening.take_turn(MISSING)
    assert evening.outcome == (None, None), "without the watchdog this is how it would stay"
    assert evening.player.status().position_ms == 0
    await evening.go_on(SILENT_SECONDS + 1)
    assert evening.steps == {Step.REOPENED: 1}
    assert evening.player.status().trouble == "There is nothing at that address."
    await evening.reach_the_third()


async def test_who_was_paused_or_has_ended_is_not_taken_for_lost(evening: Evening) -> None:
    lane = await begin_and_lose(evening, THIRD)
    evening.player.pause()
    await evening.go_on(30)
    assert evening.steps == {}
    assert isinstance(evening.pacer, HandPacer)
    assert lane.playing is None
