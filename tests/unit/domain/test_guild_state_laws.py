"""What commands do to a guild's wanted state, told as short histories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timmybot.domain.crash_record import NO_CRASHES, CrashRecord
from timmybot.domain.errors import AlreadyAdvanced, NothingPlaying, PlayingElsewhere, QueueFull
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import ChannelId, EntryId, PlayId, UserId
from timmybot.domain.order_key import after
from timmybot.domain.step import Step
from timmybot.domain.tally import NOTHING
from timmybot.domain.track import Entry, Track

LOUNGE, KITCHEN, TEXT = ChannelId(1), ChannelId(2), ChannelId(3)
FIRST, SECOND, THIRD = PlayId("first"), PlayId("second"), PlayId("third")


def an_entry(state: GuildState, name: str) -> Entry:
    return Entry(after(state.tail, EntryId(name)), EntryId(name), Track("https://music.example/"), UserId(1))


def queue(state: GuildState, name: str, play_id: PlayId = FIRST, voice: ChannelId = LOUNGE) -> GuildState:
    return state.enqueue(an_entry(state, name), voice=voice, text=TEXT, play_id=play_id, limit=3)


def test_the_first_track_starts_and_the_second_waits() -> None:
    state = queue(GuildState(), "a")
    assert (state.current, state.play_id, state.waiting) == (state.tail, FIRST, 0)
    both = queue(state, "b", SECOND)
    assert (both.current, both.play_id, both.waiting) == (state.current, FIRST, 1)


def test_two_skips_at_one_moment_advance_once() -> None:
    state = queue(queue(GuildState(), "a"), "b", SECOND)
    following = an_entry(queue(GuildState(), "a"), "b")
    advanced = state.advance(FIRST, following, SECOND)
    assert (advanced.current, advanced.waiting) == (following.key, 0)
    with pytest.raises(AlreadyAdvanced):
        advanced.advance(FIRST, None, THIRD)


def test_the_end_of_the_last_track_leaves_the_channel() -> None:
    over = queue(GuildState(), "a").advance(FIRST, None, SECOND)
    assert not over.wants_player
    assert over.voice_channel_id is None
    assert over.play_id is None


def test_a_new_track_never_starts_paused_or_in_its_middle() -> None:
    state = queue(queue(GuildState(), "a"), "b", SECOND).save_position(FIRST, 30_000).pause()
    advanced = state.advance(FIRST, an_entry(queue(GuildState(), "a"), "b"), SECOND)
    assert (advanced.paused, advanced.position_ms) == (False, 0)


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda state: state.advance(FIRST, an_entry(queue(GuildState(), "a"), "b"), SECOND),
        lambda state: state.again(FIRST, SECOND),
        lambda state: state.go_back(FIRST, Step(an_entry(GuildState(), "z"), NOTHING), None, SECOND),
        lambda state: state.stop(),
    ],
)
def test_another_playing_begins_without_what_the_one_before_was_part_of(
    goes_on: Callable[[GuildState], GuildState],
) -> None:
    state = queue(queue(GuildState(), "a"), "b", SECOND).after_a_death(7_000)
    assert state.crashes == CrashRecord(worker=1, position_ms=7_000)
    assert goes_on(state).crashes == NO_CRASHES


def test_who_died_with_nothing_playing_is_nobodys_concern() -> None:
    away = queue(GuildState(), "a").go_away()
    assert away.after_a_death(7_000) == away
    assert GuildState().after_a_death(7_000) == GuildState()


def test_a_stop_makes_history_of_everything_and_what_is_queued_next_starts_at_once() -> None:
    state = queue(queue(queue(GuildState(), "a"), "b"), "c").stop()
    assert (state.wants_player, state.waiting, state.head) == (False, 0, state.tail)
    again = queue(state, "d", SECOND, KITCHEN)
    assert (again.current, again.voice_channel_id) == (again.tail, KITCHEN)


def test_what_cannot_be_done_is_refused_with_a_sentence_that_says_what_to_do() -> None:
    silent, playing = GuildState(), queue(GuildState(), "a")
    for command in (silent.pause, silent.resume, silent.stop):
        with pytest.raises(NothingPlaying, match="/play"):
            command()
    with pytest.raises(PlayingElsewhere, match="/stop"):
        queue(playing, "b", voice=KITCHEN)
    full = queue(queue(queue(playing, "b"), "c"), "d")
    with pytest.raises(QueueFull, match="Skip"):
        queue(full, "e")


def test_a_place_saved_for_a_playing_that_is_over_is_ignored() -> None:
    state = queue(GuildState(), "a")
    assert state.save_position(FIRST, 5_000).position_ms == 5_000
    assert state.save_position(SECOND, 5_000) == state
