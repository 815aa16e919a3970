"""A pause of hours on a track from the network, whose connection, or whose link, does not live that long.

lavaplayer #79: after a long pause the track was over, or played nothing, and nobody was told why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from threading import Event
from typing import Final

import pytest

from sandbox.melody import Melody, compose
from sandbox.recording import Format, record
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content, media_server, status
from tests.integration.voice.scene import Bot, Scene, until
from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.adapters.sources.content import Content
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.voice import Ending, Player

PAUSE_SECONDS: Final = 7 * 3600.0
BUFFERED_MS: Final = 4_000
"""Less than a buffer holds when it is full."""
SENT_BYTES: Final = 84_000
"""Seven seconds of the song: more than is buffered, and a quarter of it."""


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> tuple[Melody, bytes]:
    melody = compose("night", voice=0, seconds=30.0)
    return melody, record(melody, tmp_path_factory.mktemp("night"), Format.MP3).read_bytes()


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with media_server() as one:
        yield one


class Link:
    """An address whose first connection gives a part of the file, and is cut when the test says so; ``then`` is what
    the address does from then on."""

    def __init__(self, server: MediaServer, data: bytes, then: Behaviour) -> None:
        self._server, self._data = server, data
        self._then = then
        self._cut = Event()
        self.url = server.serve("/night.mp3", self._give_a_part)

    def _give_a_part(self, request: Handler) -> None:
        size = len(self._data)
        span = f"bytes 0-{size - 1}/{size}"
        request.begin(206, Content_Type="audio/mpeg", Content_Length=str(size), Content_Range=span)
        request.wfile.write(self._data[:SENT_BYTES])
        request.wfile.flush()
        self._cut.wait()

    def die(self) -> None:
        self._server.serve("/night.mp3", self._then)
        self._cut.set()


@asynccontextmanager
async def paused_for_hours(scene: Scene, link: Link) -> AsyncIterator[tuple[Bot, Player]]:
    """A player that played the song for a moment and then paused for hours, in which its connection was cut."""
    bot = await scene.worker()
    source = HttpTrackSource((link.url.split("/")[2],))
    players = VoicePlayers(bot.gateway, source, bot.clock, random=Random(1), tls=scene.tls)
    try:
        player = players.open(GuildId(scene.guild.id))
        await player.join(ChannelId(scene.guild.voice_channel.id))
        await player.play(
            PlayId("one"), Track(link.url, title="night", duration_ms=30_000), position_ms=0, paused=False
        )
        await scene.alice.ear.wait_for_sound(seconds=0.5)
        stream = player.lane.playing.stream  # type: ignore[attr-defined]  # a VoicePlayer's
        await until(lambda: stream.buffered_ms >= BUFFERED_MS, "a full buffer")
        player.pause()
        await until(lambda: not player.lane.sounds, "its silence")  # type: ignore[attr-defined]  # a VoicePlayer's
        bot.clock.stand_still()
        link.die()
        bot.clock.jump(PAUSE_SECONDS)
        bot.clock.go_on()
        scene.alice.ear.clear()
        yield bot, player
    finally:
        await players.close()
        source.close()


async def test_the_song_goes_on_where_it_was_over_a_connection_made_anew(
    scene: Scene, server: MediaServer, song: tuple[Melody, bytes]
) -> None:
    scene.melody, data = song
    async with paused_for_hours(scene, Link(server, data, content(data))) as (_, player):
        paused_at_ms = player.status().position_ms
        assert len(server.requests) == 1, "nobody asks the server for anything during a pause"
        player.resume()
        await scene.alice.ear.wait_for_sound(seconds=1.5)
        assert scene.began_at_ms() == pytest.approx(paused_at_ms, abs=600)
        await until(lambda: len(server.requests) > 1, "the connection made anew")
        (_, asked) = server.requests[1]
        assert asked is not None
        assert 0 < int(asked.removeprefix("bytes=").removesuffix("-")) <= SENT_BYTES, "from where the last one ended"
        await until(lambda: player.status().position_ms > paused_at_ms + BUFFERED_MS + 3_000, "more than was buffered")
        assert player.status().ending is None
        assert player.status().notices == ()


async def test_negative_control_did_it_not_connect_anew_it_would_end_with_what_is_buffered(
    scene: Scene, server: MediaServer, song: tuple[Melody, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = song
    monkeypatch.setattr(Content, "read", Content._read_once)
    async with paused_for_hours(scene, Link(server, data, content(data))) as (_, player):
        player.resume()
        await until(lambda: player.status().ending is Ending.FAILED, "its end")


async def test_a_link_that_has_expired_plays_what_is_buffered_and_then_says_why_it_ends(
    scene: Scene, server: MediaServer, song: tuple[Melody, bytes]
) -> None:
    scene.melody, data = song
    async with paused_for_hours(scene, Link(server, data, status(403))) as (_, player):
        paused_at_ms = player.status().position_ms
        player.resume()
        await until(lambda: player.status().ending is not None, "its end")
        ended = player.status()
        assert ended.ending is Ending.FAILED
        assert "403" in (ended.trouble or ""), "services tell the channel, and the queue goes on"
        assert ended.position_ms >= paused_at_ms + BUFFERED_MS
        assert scene.began_at_ms() == pytest.approx(paused_at_ms, abs=600)
