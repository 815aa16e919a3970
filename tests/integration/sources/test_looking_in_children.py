"""Looking at links in media children: what a file does to one is the file's own loss, and nobody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.recording import Format
from tests.integration.sources import bombs, hostile
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.media_server import MediaServer, content, hanging
from tests.integration.voice.scene import until
from timmybot.adapters.sources import media_child
from timmybot.adapters.sources.http import PROBING_THREADS, HttpTrackSource
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

NEXT_TO_NOTHING_SECONDS = 0.3
"""A tenth of what such a file cost the process that looked at it."""
MOST_PRIVATE_MIB = 40.0
"""Beside 150 players in 512 MB; the libraries are shared among media children."""


@pytest.fixture
async def looking(server: MediaServer) -> AsyncIterator[HttpTrackSource]:
    one = HttpTrackSource(server.allowed)
    yield one
    pids = one.media.pids
    one.close()
    assert not any(map(is_there, pids))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(looking: HttpTrackSource) -> int:
    (pid,) = looking.media.pids
    return pid


def told_of(looking: HttpTrackSource, file: str) -> str:
    """What the kernel tells of the process."""
    return Path(f"/proc/{pid_of(looking)}/{file}").read_text(encoding="ascii")


def full_of_tags() -> bytes:
    """FFmpeg takes them in all at once, in quadratic time: half a minute."""
    return bombs.flac_of_many(150_000)


async def test_what_is_found_is_what_it_is_and_the_process_stays(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    assert looking.media.pids == [], "it is begun when it is needed"
    for form in (Format.MP3, Format.OGG_OPUS, Format.WEBM_OPUS):
        track = await looking.resolve(f"<{server.serve(f'/{form.name}', content(recorded(form)))}>")
        assert (track.title, round((track.duration_ms or 0) / 1000)) == ("evening", 16)
    assert looking.media.begun == 1


@pytest.mark.parametrize("url", ["ftp://radio.example/x", "http://", "song", "http://10.0.0.7/x", "http://[::1]/x"])
async def test_what_may_not_be_asked_for_is_refused_and_no_child_is_begun_for_it(
    looking: HttpTrackSource, url: str
) -> None:
    with pytest.raises(TrackError, match=r"\.$"):
        await looking.resolve(url)
    assert looking.media.begun == 0


async def test_a_file_that_is_computed_over_for_too_long_is_ended_and_others_are_answered(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    good = server.serve("/good", content(recorded(Format.MP3)))
    bad = server.serve("/bad", content(full_of_tags()))
    await looking.resolve(good)
    first, ours = pid_of(looking), time.process_time()
    hostile_one = asyncio.create_task(looking.resolve(bad))
    others = await asyncio.gather(*(looking.resolve(good) for _ in range(5)))
    with pytest.raises(TrackError, match="holds too much besides its sound"):
        await hostile_one
    assert time.process_time() - ours < NEXT_TO_NOTHING_SECONDS, "what it costs the process that plays"
    assert all(track.title == "evening" for track in others)
    assert (await looking.resolve(good)).title == "evening"
    assert first not in looking.media.pids
    assert not is_there(first)


async def test_negative_control_without_the_bound_it_computes_on(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_child, "CPU_SECONDS", 1_000.0)
    monkeypatch.setattr(media_child, "FROZEN_LOOKS", 10_000)
    bad = server.serve("/bad", content(full_of_tags()))
    looking = HttpTrackSource(server.allowed, resolve_seconds=1_000.0)
    asked = asyncio.create_task(looking.resolve(bad))
    await until(lambda: looking.media.pids != [], "the process")
    pid = pid_of(looking)
    await until(lambda: cpu_seconds(pid) > 4.0, "its computing", patience_seconds=60.0)
    assert not asked.done()
    looking.close()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def test_a_server_that_takes_the_time_is_told_of_as_such(server: MediaServer) -> None:
    looking = HttpTrackSource(server.allowed, resolve_seconds=0.5)
    with pytest.raises(TrackError, match="took too long"):
        await looking.resolve(server.serve("/hang", hanging(first=hostile.id3_of_many(100))))
    looking.close()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_killed_while_it_looks_whoever_waits_is_answered_by_the_next(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    good, silent = server.serve("/good", content(recorded(Format.MP3))), server.serve("/slow", content(b""))
    await looking.resolve(good)
    pid = pid_of(looking)
    os.kill(pid, signal.SIGSTOP)
    waiting = asyncio.gather(*(looking.resolve(url) for url in (good, silent, good)), return_exceptions=True)
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    first, second, third = await waiting
    assert first == third == await looking.resolve(good)
    assert isinstance(second, TrackError)
    assert looking.media.begun == 2


async def test_a_child_that_stands_still_is_ended_and_whoever_waits_is_answered_by_the_next(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    good = server.serve("/good", content(recorded(Format.MP3)))
    await looking.resolve(good)
    pid = pid_of(looking)
    os.kill(pid, signal.SIGSTOP)
    assert (await looking.resolve(good)).title == "evening"
    assert not is_there(pid)
    assert looking.media.begun == 2


async def test_closed_while_links_are_looked_at_it_begins_no_other_process(server: MediaServer) -> None:
    looking = HttpTrackSource(server.allowed)
    asked = [asyncio.create_task(looking.resolve(server.serve(f"/{n}", hanging()))) for n in range(3)]
    await until(lambda: len(server.requests) >= PROBING_THREADS, "being asked")
    looking.close()

    for answer in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(answer, TrackError)
        assert "I am being stopped" in str(answer)
    assert looking.media.begun <= 1
    assert looking.media.pids == []


async def test_closed_while_the_process_is_being_begun_it_ends_that_one(
    server: MediaServer, recorded: Recorded
) -> None:
    media = MediaPool()
    looking = HttpTrackSource(server.allowed, media=media)
    asked = asyncio.create_task(looking.resolve(server.serve("/good", content(recorded(Format.MP3)))))
    await until(lambda: media.begun == 1, "its beginning")
    (child,) = media.children
    assert not child.ready, "it is being begun"
    looking.close()

    (answer,) = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(answer, TrackError)
    assert "I am being stopped" in str(answer)
    assert (media.begun, media.pids) == (1, [])
    assert not is_there(child.pid)


async def test_it_knows_none_of_our_secrets(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMMYBOT_BOT_TOKEN", "hush")
    await looking.resolve(server.serve("/good", content(recorded(Format.MP3))))
    assert "hush" not in told_of(looking, "environ")


async def test_it_takes_little_memory(looking: HttpTrackSource, server: MediaServer, recorded: Recorded) -> None:
    for number in range(20):
        await looking.resolve(server.serve(f"/{number}", content(recorded(Format.MP3))))
    rollup = told_of(looking, "smaps_rollup").splitlines()
    private_kib = sum(int(line.split()[1]) for line in rollup if line.startswith("Private"))
    assert private_kib / 1024 < MOST_PRIVATE_MIB


async def test_every_hostile_file_is_answered_in_time(server: MediaServer, recorded: Recorded) -> None:
    looking = HttpTrackSource(server.allowed, resolve_seconds=4.0)
    files = hostile.files(recorded(Format.MP3), recorded(Format.OGG_OPUS))
    urls = [server.serve(f"/{number}", behaviour) for number, behaviour in enumerate(files.values())]
    for name, url in zip(files, urls, strict=True):
        async with asyncio.timeout(20.0):
            (answer,) = await asyncio.gather(looking.resolve(url), return_exceptions=True)
        assert isinstance(answer, Track | TrackError), name
        assert "Something went wrong" not in str(answer), name
    assert (await looking.resolve(server.serve("/good", content(recorded(Format.MP3))))).title == "evening"
    looking.close()


async def test_what_ffmpeg_cannot_be_kept_from_costs_a_child_its_bound_and_us_next_to_nothing(
    looking: HttpTrackSource, server: MediaServer, recorded: Recorded
) -> None:
    """Each is told in a sentence, and whoever looks next is answered."""
    good = server.serve("/good", content(recorded(Format.MP3)))
    await looking.resolve(good)
    for number, (name, behaviour) in enumerate(bombs.for_the_process_apart().items()):
        ours = time.thread_time()
        with pytest.raises(TrackError, match=r"\.$"):
            await looking.resolve(server.serve(f"/{number}", behaviour))
        assert time.thread_time() - ours < NEXT_TO_NOTHING_SECONDS, name
        assert (await looking.resolve(good)).title == "evening", name
