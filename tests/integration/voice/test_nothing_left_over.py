"""What plays and skips many tracks holds no more afterwards than before: no child, no thread, no descriptor.

discord.js #3770: each skipped track left an ffmpeg running. What there is of that kind here: the media
children, the threads that fill buffers, and the connections to the servers of tracks.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from sandbox.melody import compose
from sandbox.recording import Format, record
from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content, media_server, status
from tests.integration.voice.left_over import Held, held
from tests.integration.voice.scene import Bot, Scene, until
from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import FILLING_THREADS, HttpTrackSource
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.voice import Ending, Player

TRACKS: Final = 30
AT_REST: Final = 2
"""Media children: one that played, and one that stands by."""
THREADS: Final = 8
"""In all, of those that fill buffers: the bound is the pool's own, set lower than the usual one."""
PATIENT: Final = 15.0
"""More than a thread waits for a server that halts."""
NAME: Final = "filling what is left over"


def halting(data: bytes) -> Behaviour:
    """A server that sends the beginning and then nothing, and keeps the connection for as long as the client does."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type="audio/mpeg", Content_Length=str(len(data)))
        request.wfile.write(data[: len(data) // 2])
        request.wfile.flush()
        request.rfile.read(1)  # returns when the client hangs up: this end of the connection is ours, too

    return behave


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, bytes]:
    directory, melody = tmp_path_factory.mktemp("files"), compose("morning", voice=2, seconds=20.0)
    return {form: record(melody, directory, form).read_bytes() for form in Format}


@pytest.fixture
def server(files: dict[Format, bytes]) -> Iterator[MediaServer]:
    with media_server() as one:
        for form, data in files.items():
            one.serve(f"/whole{form.suffix}", content(data))
        one.serve("/halting.mp3", halting(files[Format.MP3]))
        one.serve("/gone.mp3", status(403))
        yield one


@asynccontextmanager
async def players_of(
    bot: Bot, scene: Scene, server: MediaServer
) -> AsyncIterator[tuple[VoicePlayers, HttpTrackSource]]:
    """Players and all that is behind them, as a worker has them."""
    filling = FillingThreads(FILLING_THREADS, NAME, most=THREADS)
    source = HttpTrackSource(server.allowed, filling=filling)
    players = VoicePlayers(bot.gateway, source, bot.clock, random=Random(1), tls=scene.tls)
    try:
        yield players, source
    finally:
        await players.close()
        source.close()
        await asyncio.to_thread(filling.join, 5.0)


async def plays_and_skips(
    scene: Scene, player: Player, source: HttpTrackSource, server: MediaServer, tracks: int = TRACKS
) -> None:
    """Each track is looked at, sounds for a moment, if it can, and gives way to the next one."""
    await player.join(ChannelId(scene.guild.voice_channel.id))
    paths = sorted(server.behaviours)
    for number in range(tracks):
        path = paths[number % len(paths)]
        is_gone = path.startswith("/gone")
        track = Track(server.url(path), title=path)
        if not is_gone and not path.startswith("/halting"):
            track = await source.resolve(server.url(path))
        play_id = PlayId(str(number))
        await player.play(play_id, track, position_ms=0, paused=False)
        await until(
            lambda is_gone=is_gone: (
                player.status().ending is Ending.FAILED  # type: ignore[misc]  # bound at once
                if is_gone
                else player.status().position_ms >= 100
            ),
            f"{path} being played",
        )
        assert sum(thread.name.startswith(NAME) for thread in threading.enumerate()) <= THREADS
    await player.leave()


async def left_over(
    scene: Scene, server: MediaServer, *, tracks: int = TRACKS, patience_seconds: float = 5.0
) -> list[str]:
    """What is held more after all has been played and closed than before anything was."""
    bot = await scene.worker()
    await warm(server)
    before = held()
    async with players_of(bot, scene, server) as (players, source):
        await plays_and_skips(scene, players.open(GuildId(scene.guild.id)), source, server, tracks)
        assert source.media.begun <= AT_REST, "one plays and one looks at links, for all tracks"
    return await at_rest(before, patience_seconds)


async def warm(server: MediaServer) -> None:
    """What the first child of all leaves in a loop, once and for all, is no leak."""
    source = HttpTrackSource(server.allowed)
    await source.resolve(server.url(f"/whole{Format.MP3.suffix}"))
    source.close()


async def at_rest(before: Held, patience_seconds: float = 5.0) -> list[str]:
    """What is left after connections have had the time to end on both sides."""
    gc.collect()
    try:
        await until(lambda: not held().over(before), "being at rest", patience_seconds=patience_seconds)
    except AssertionError:
        return held().over(before)
    return []


async def test_no_test_before_these_left_threads_that_fill_buffers() -> None:
    """A source that outlives the tests it is for hides what those below leave, or is taken for it."""
    await until(lambda: not held().threads["filling"], "the threads of others having ended", patience_seconds=PATIENT)


async def test_many_tracks_played_and_skipped_leave_nothing_behind(scene: Scene, server: MediaServer) -> None:
    assert await left_over(scene, server) == []


async def test_between_two_tracks_only_the_threads_and_the_media_children_are_there(
    scene: Scene, server: MediaServer
) -> None:
    """Also while the worker goes on, and not only when everything is closed."""
    bot = await scene.worker()
    async with players_of(bot, scene, server) as (players, source):
        player, outset = players.open(GuildId(scene.guild.id)), held()
        await plays_and_skips(scene, player, source, server, len(server.behaviours))
        before = held()
        assert before.children - outset.children == set(source.media.pids)
        assert len(source.media.pids) <= AT_REST
        # Who waited for a server that halts stays for some seconds, within the bound.
        before = replace(before, threads=before.threads | Counter(filling=THREADS))
        await plays_and_skips(scene, player, source, server)
        assert await at_rest(before) == []


async def test_negative_control_streams_that_are_not_closed_keep_their_connections(
    scene: Scene, server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[BufferedStream] = []  # else the collector closes what nobody refers to
    with monkeypatch.context() as patched:
        patched.setattr(BufferedStream, "close", lambda stream: kept.append(stream))  # noqa: PLW0108  # a method
        left = await left_over(scene, server, tracks=len(server.behaviours), patience_seconds=0.5)
    assert any("file descriptors" in line for line in left), left
    for stream in kept:
        stream._source.close()


async def test_negative_control_a_child_that_nobody_ends_is_seen(server: MediaServer) -> None:
    before = held()
    source = HttpTrackSource(server.allowed)
    await source.resolve(server.url(f"/whole{Format.MP3.suffix}"))
    assert f"the children {source.media.pids}" in held().over(before)
    source.close()
    assert held().children == before.children
