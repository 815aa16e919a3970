"""A guild's player, served by hand instead of by the pacing thread."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.voice import FakeSignalling, FakeStream, FramesSource
from tests.fakes.wire import Wire
from timmybot.adapters.discord_voice.close_codes import Loss
from timmybot.adapters.discord_voice.connection import VoiceConnection
from timmybot.adapters.discord_voice.lane import FADE_SLOTS, KEEP_ALIVE_SLOTS, SILENCE_FRAMES, Lane
from timmybot.adapters.discord_voice.pacer import Pacer, Schedule
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import SILENCE, PacketStream
from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Gap, Run, Sound
from timmybot.ports.voice import Ending, PlayerStatus
from timmybot.ports.voice_signalling import VoiceServer

MUSIC = ChannelId(5)
SONG, OTHER, MISSING = Track("memory:song"), Track("memory:other"), Track("memory:missing")


class EasyConnection(VoiceConnection):
    """Is up at once, and sends into a list."""

    def __init__(self, sent: list[bytes]) -> None:
        self.packets = Wire(sent)

    is_up = True

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class HandPacer(Pacer):
    """Serves its lane when the test says so."""

    lane: Lane | None = None

    def carry(self, lane: Lane, packets: PacketStream | None) -> None:
        lane.packets = packets
        self.lane = lane


class Stage:
    def __init__(self) -> None:
        self.source = FramesSource({SONG.url: [b"song"] * 100, OTHER.url: [b"other"] * 2})
        self.pacer = HandPacer()
        self.clock = FakeClock()
        self.sent: list[bytes] = []
        self.changes = 0
        self.connections = 0
        self.signalling = FakeSignalling()
        self.player = VoicePlayer(
            source=self.source,
            pacer=self.pacer,
            clock=self.clock,
            make_presence=self._presence,
            changed=self._changed,
        )

    def serve(self, slots: int) -> list[bytes]:
        """Serve so many slots; what was sent in them."""
        before = len(self.sent)
        assert self.pacer.lane
        for _ in range(slots):
            self.pacer.lane.serve()
        return self.sent[before:]

    def serve_with(self, schedule: Schedule) -> None:
        """Serve two slots as the pacing thread does."""
        assert self.pacer.lane
        schedule.add(self.pacer.lane, 0.0)
        for slot in range(2):
            schedule.serve(slot * 0.02)

    def _changed(self) -> None:
        self.changes += 1

    def _connect(self, server: VoiceServer, lost: Callable[[VoiceConnection, Loss], None]) -> VoiceConnection:
        self.connections += 1
        return EasyConnection(self.sent)

    def _presence(
        self, carry: Callable[[PacketStream | None], None], changed: Callable[[], None], tell: Callable[[str], None]
    ) -> Presence:
        return Presence(
            GuildId(1),
            signalling=self.signalling,
            connect=self._connect,
            clock=self.clock,
            random=Random(1),
            carry=carry,
            changed=changed,
            tell=tell,
        )


@pytest.fixture
async def stage() -> Stage:
    stage = Stage()
    await stage.player.join(MUSIC)
    await stage.player.play(PlayId("first"), SONG, position_ms=1_000, paused=False)
    return stage


async def test_the_position_counts_what_was_sent_from_where_it_began(stage: Stage) -> None:
    assert stage.serve(5) == [b"song"] * 5
    assert stage.player.status() == PlayerStatus(MUSIC, PlayId("first"), 1_100)


async def test_another_playing_replaces_the_stream_and_lets_the_old_one_go(stage: Stage) -> None:
    stage.serve(5)
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    assert stage.serve(1) == [b"other"], "it fades at once here"
    await settle()
    assert stage.source.opened[0].closed
    assert stage.player.status().play_id == "second"


async def test_a_playing_begun_paused_sends_nothing_until_it_is_resumed(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=True)
    assert stage.player.status().paused
    assert stage.serve(8) == []
    stage.player.resume()
    assert stage.serve(1) == [b"other"]


async def test_the_end_of_a_stream_is_told_on_the_event_loop(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    stage.serve(3)
    assert stage.changes == 0
    await settle()
    assert stage.changes == 1
    assert stage.player.status().ending is Ending.FINISHED


async def test_the_end_of_a_stream_that_was_replaced_meanwhile_is_no_news(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    stage.serve(3)
    await stage.player.play(PlayId("third"), SONG, position_ms=0, paused=False)
    await settle()
    assert stage.changes == 0
    assert stage.player.status().ending is None


async def test_a_track_that_cannot_be_opened_has_failed_for_a_reason(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), MISSING, position_ms=0, paused=False)
    stage.serve(1)
    await settle()
    status = stage.player.status()
    assert (status.ending, status.trouble) == (Ending.FAILED, "There is nothing at that address.")


async def test_a_muted_player_is_silent_at_once_and_play_lifts_it(stage: Stage) -> None:
    stage.serve(2)
    stage.player.mute()
    assert stage.serve(8) == []
    await stage.player.join(MUSIC)
    assert stage.serve(8) == []
    await stage.player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    assert stage.serve(1) == [b"song"]


async def test_leaving_forgets_everything(stage: Stage) -> None:
    stage.player.mute()
    await stage.player.leave()
    assert stage.player.status() == PlayerStatus()
    assert stage.source.opened[0].closed
    await stage.player.join(MUSIC)
    await stage.player.play(PlayId("again"), SONG, position_ms=0, paused=False)
    assert stage.serve(1) == [b"song"]


# -- fading and following --------------------------------------------------------------------------------------------


class SlowlyFading(FakeStream):
    """Takes three frames to fade, as a real one does."""

    left = 3

    def fade_out(self) -> None:
        self.fading = True

    def fade_in(self) -> None:
        self.fading, self.faded, self.left = False, False, 3

    fading = False

    def run(self) -> Run | Gap:
        if self.fading and not self.faded:
            self.left -= 1
            if self.left < 0:
                self.faded = True
        run = super().run()
        return Run(lambda: b"fading", 1) if self.fading and isinstance(run, Run) else run


class NeverFading(FakeStream):
    def fade_out(self) -> None: ...


def have_streams(stage: Stage, kind: type[FakeStream]) -> None:
    """Streams that are opened from now on are of this kind."""
    plain = stage.source.open

    def open_(track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FakeStream:
        stream = plain(track, position_ms=position_ms, sound=sound, alone=alone)
        stage.source.opened[-1] = kind(stream.frames, stream.place, sound=sound)
        return stage.source.opened[-1]

    stage.source.open = open_  # type: ignore[method-assign]


async def test_a_pause_fades_before_it_falls_silent_and_nothing_of_the_song_is_read_then(stage: Stage) -> None:
    have_streams(stage, SlowlyFading)
    await stage.player.play(PlayId("second"), SONG, position_ms=0, paused=False)
    stage.serve(5)
    stage.player.pause()
    assert stage.player.status().paused
    assert stage.serve(10) == [b"fading"] * 3 + [SILENCE] * 5
    paused_at = stage.player.status().position_ms
    assert stage.serve(50) == []
    stage.player.resume()
    assert stage.serve(1) == [b"song"]
    assert stage.player.status().position_ms == paused_at + 20


async def test_a_skip_fades_the_old_out_and_the_new_begins_in_the_slot_after(stage: Stage) -> None:
    have_streams(stage, SlowlyFading)
    await stage.player.play(PlayId("second"), SONG, position_ms=0, paused=False)
    stage.serve(5)
    await stage.player.play(PlayId("third"), OTHER, position_ms=0, paused=False)
    assert stage.player.status().play_id == "third"
    assert stage.player.status().position_ms == 0
    assert stage.serve(5) == [b"fading"] * 3 + [b"other"] * 2
    await settle()
    assert stage.player.status().ending is None
    assert [stream.closed for stream in stage.source.opened] == [True, True, False]


async def test_a_stream_that_does_not_fade_is_cut_off(stage: Stage) -> None:
    have_streams(stage, NeverFading)
    await stage.player.play(PlayId("second"), SONG, position_ms=0, paused=False)
    stage.serve(5)
    stage.player.pause()
    stage.serve(FADE_SLOTS)
    assert stage.serve(6) == [SILENCE] * 5
    stage.player.resume()
    stage.serve(1)
    await stage.player.play(PlayId("third"), OTHER, position_ms=0, paused=False)
    stage.serve(FADE_SLOTS)
    assert stage.serve(1) == [b"other"]


async def test_what_is_prepared_begins_in_the_very_slot_after_the_last(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    stage.player.prepare(SONG)
    stage.player.prepare(SONG)
    assert stage.serve(1) == [b"other"]
    await settle()
    opened = len(stage.source.opened)
    assert stage.serve(3) == [b"other"] + [b"song"] * 2
    await settle()
    assert stage.player.status().ending is Ending.FINISHED
    await stage.player.play(PlayId("third"), SONG, position_ms=0, paused=False)
    assert len(stage.source.opened) == opened, "it is not opened again"
    assert (stage.player.status().ending, stage.player.status().position_ms) == (None, 40)
    assert stage.serve(1) == [b"song"]
    assert stage.source.opened[-2].closed


async def test_what_was_prepared_and_is_not_wanted_any_more_gives_way(stage: Stage) -> None:
    third = Track("memory:third")
    stage.source.frames[third.url] = [b"third"] * 10
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    stage.player.prepare(SONG)
    stage.player.prepare(third)
    assert stage.source.opened[-2].closed
    stage.serve(1)
    await settle()
    assert stage.serve(2) == [b"other", b"third"]
    await settle()
    await stage.player.play(PlayId("fourth"), SONG, position_ms=0, paused=False)
    assert stage.serve(1) == [b"song"]
    await settle()
    assert [stream.closed for stream in stage.source.opened][-2:] == [True, False]


async def test_nothing_prepared_nothing_follows(stage: Stage) -> None:
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    stage.player.prepare(SONG)
    stage.player.prepare(None)
    assert stage.source.opened[-1].closed
    assert stage.serve(4) == [b"other"] * 2 + [SILENCE] * 2


async def test_a_skip_to_what_is_prepared_uses_it(stage: Stage) -> None:
    stage.serve(2)
    stage.player.prepare(OTHER)
    await stage.player.play(PlayId("second"), OTHER, position_ms=0, paused=False)
    assert stage.serve(1) == [b"other"]
    await settle()
    assert len(stage.source.opened) == 2
    assert stage.player.status().ending is None


async def test_a_live_stream_is_opened_anew_after_a_long_pause(stage: Stage) -> None:
    stage.source.opened[0].live = True
    stage.serve(2)
    stage.player.pause()
    stage.serve(10)
    await stage.clock.advance(60)
    stage.player.resume()
    assert len(stage.source.opened) == 2
    assert stage.serve(1) == [b"song"]


async def test_the_end_of_a_track_is_announced_once_while_it_can_still_be_prepared(stage: Stage) -> None:
    short = Track(SONG.url, title="short", duration_ms=12_000)
    await stage.player.play(PlayId("second"), short, position_ms=0, paused=False)
    stage.player.look_ahead()
    assert (stage.changes, stage.player.status().ends_soon) == (0, False)
    await stage.player.play(PlayId("third"), short, position_ms=2_500, paused=False)
    stage.player.look_ahead()
    stage.player.look_ahead()
    assert (stage.changes, stage.player.status().ends_soon) == (1, True)


async def test_a_stream_that_raises_has_failed_and_somebody_hears_of_it(stage: Stage) -> None:
    class Broken(FakeStream):
        def run(self) -> Run:
            raise RuntimeError("a stream broke its promise")

    have_streams(stage, Broken)
    schedule = Schedule()
    await stage.player.play(PlayId("second"), SONG, position_ms=0, paused=False)
    stage.serve_with(schedule)
    await settle()
    assert stage.player.status().ending is Ending.FAILED
    assert "wrong" in (stage.player.status().trouble or "")


async def test_after_a_long_stall_the_pacer_silences_itself_until_it_is_told_to_play(stage: Stage) -> None:
    told: list[str] = []
    schedule = Schedule(on_long_stall=lambda: told.append("stalled"), long_stall_seconds=2.5)
    stage.serve_with(schedule)
    before = len(stage.sent)
    schedule.serve(0.04 + 2.4)
    assert len(stage.sent) == before + 1, "a short stall is only a gap"
    schedule.serve(0.04 + 2.4 + 2.6)
    assert (len(stage.sent), told) == (before + 1, ["stalled"])
    assert stage.player.status().muted
    await stage.player.play(PlayId("first"), SONG, position_ms=0, paused=False)
    assert stage.serve(1) == [b"song"]


async def test_in_a_long_pause_the_way_back_is_kept_open(stage: Stage) -> None:
    stage.serve(1)
    stage.player.pause()
    stage.serve(1 + 5)
    before = len(stage.sent)
    stage.serve(2 * KEEP_ALIVE_SLOTS)
    assert [len(datagram) for datagram in stage.sent[before:]] == [8, 8]


async def test_leaving_ends_the_sound_in_silence_although_no_slot_comes_any_more(stage: Stage) -> None:
    stage.serve(10)
    before = len(stage.sent)
    await stage.player.leave()
    assert stage.sent[before:] == [SILENCE] * SILENCE_FRAMES
    assert stage.serve(10) == []


async def test_a_muted_player_leaves_without_a_sound(stage: Stage) -> None:
    """It may be another worker's by now."""
    stage.serve(10)
    before = len(stage.sent)
    stage.player.mute()
    await stage.player.leave()
    assert stage.sent[before:] == []


async def test_frames_wait_while_keys_are_agreed_on(stage: Stage) -> None:
    assert stage.pacer.lane
    assert stage.pacer.lane.packets
    stage.pacer.lane.packets.held = True
    assert stage.serve(10) == []
    assert stage.player.status().position_ms == 1_000
    stage.pacer.lane.packets.held = False
    assert stage.serve(1) == [b"song"]
    assert stage.player.counters.held == 10
