"""A guild's player, served by hand instead of by the pacing thread."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.voice import FakeSignalling, FramesSource
from timmybot.adapters.discord_voice.close_codes import Loss
from timmybot.adapters.discord_voice.connection import VoiceConnection
from timmybot.adapters.discord_voice.lane import Lane
from timmybot.adapters.discord_voice.pacer import Pacer
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.presence import Presence
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.voice import Ending, PlayerStatus
from timmybot.ports.voice_signalling import VoiceServer

MUSIC = ChannelId(5)
SONG, OTHER, MISSING = Track("memory:song"), Track("memory:other"), Track("memory:missing")


class EasyConnection(VoiceConnection):
    """Is up at once, and sends into a list."""

    def __init__(self, sent: list[bytes]) -> None:
        self.packets = PacketStream(1, lambda frame, header, counter: frame, sent.append, Random(1))

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
        return [datagram[12:] for datagram in self.sent[before:]]

    def _changed(self) -> None:
        self.changes += 1

    def _connect(self, server: VoiceServer, lost: Callable[[VoiceConnection, Loss], None]) -> VoiceConnection:
        return EasyConnection(self.sent)

    def _presence(
        self, carry: Callable[[PacketStream | None], None], changed: Callable[[], None], tell: Callable[[str], None]
    ) -> Presence:
        return Presence(
            GuildId(1),
            signalling=FakeSignalling(),
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
