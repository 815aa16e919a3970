"""Looking at links in a process of its own: what a file does to it is the file's own loss, and nobody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from timmybot.adapters.sources.looking_child import THREADS

from sandbox.recording import Format
from tests.integration.sources import bombs, hostile
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.media_server import MediaServer, content, hanging
from tests.integration.voice.scene import until
from timmybot.adapters.sources import LookingApart
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

NEXT_TO_NOTHING_SECONDS = 0.3
"""A tenth of what the file costs the process that looks at it."""
MOST_PRIVATE_MIB = 40.0
"""Beside 150 players in 512 MB; the libraries are shared with the process that plays."""


@pytest.fixture
async def looking(server: MediaServer) -> AsyncIterator[LookingApart]:
    one = LookingApart(server.allowed)
    yield one
    pid = one.pid
    await one.close()
    assert pid is None or not is_there(pid)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def told_of(looking: LookingApart, file: str) -> str:
    """What the kernel tells of the process."""
    return Path(f"/proc/{looking.pid}/{file}").read_text(encoding="ascii")


def full_of_tags() -> bytes:
    """FFmpeg takes them in all at once, in quadratic time: half a minute."""
    return bombs.flac_of_many(150_000)


async def test_what_is_found_is_what_it_is_and_the_process_stays(
    looking: LookingApart, server: MediaServer, recorded: Recorded
) -> None:
    assert looking.pid is None, "it is begun when it is needed"
    for form in (Format.MP3, Format.OGG_OPUS, Format.WEBM_OPUS):
        track = await looking.resolve(f"<{server.serve(f'/{form.name}', content(recorded(form)))}>")
        assert (track.title, round((track.duration_ms or 0) / 1000)) == ("evening", 16)
    assert looking.begun == 1


@pytest.mark.parametrize("url", ["ftp://radio.example/x", "http://", "song", "http://10.0.0.7/x", "http://[::1]/x"])
async def test_what_may_not_be_asked_for_is_refused_there_too(looking: LookingApart, url: str) -> None:
    with pytest.raises(TrackError, match=r"\.$"):
        await looking.resolve(url)


async def test_a_file_that_is_computed_over_for_too_long_is_ended_and_others_are_answered(
    looking: LookingApart, server: MediaServer, recorded: Recorded
) -> None:
    good = server.serve("/good", content(recorded(Format.MP3)))
    bad = server.serve("/bad", content(full_of_tags()))
    await looking.resolve(good)
    first, ours = looking.pid, time.thread_time()
    hostile_one = asyncio.create_task(looking.resolve(bad))
    others = await asyncio.gather(*(looking.resolve(good) for _ in range(5)))
    with pytest.raises(TrackError, match="holds too much besides its sound"):
        await hostile_one
    assert time.thread_time() - ours < NEXT_TO_NOTHING_SECONDS, "what it costs the process that plays"
    assert all(track.title == "evening" for track in others)
    assert (await looking.resolve(good)).title == "evening"
    assert looking.pid != first
    assert first is not None
    assert not is_there(first)


async def test_negative_control_without_the_bound_it_computes_on(server: MediaServer) -> None:
    bad = server.serve("/bad", content(full_of_tags()))
    looking = LookingApart(server.allowed, resolve_seconds=1_000.0, cpu_seconds=1_000.0)
    asked = asyncio.create_task(looking.resolve(bad))
    await until(lambda: looking.pid is not None, "the process")
    await until(lambda: cpu_seconds(looking.pid or 0) > 4.0, "its computing", patience_seconds=60.0)
    assert not asked.done()
    await looking.close()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def test_a_machine_too_busy_to_compute_for_long_says_the_same_of_the_file(server: MediaServer) -> None:
    """Its time is up before it has computed for as long as it may."""
    looking = LookingApart(server.allowed, resolve_seconds=3.0, cpu_seconds=1_000.0)
    with pytest.raises(TrackError, match="holds too much besides its sound"):
        await looking.resolve(server.serve("/bad", content(full_of_tags())))
    await looking.close()


async def test_negative_control_a_server_that_takes_the_time_is_told_of_as_such(server: MediaServer) -> None:
    looking = LookingApart(server.allowed, resolve_seconds=0.5)
    with pytest.raises(TrackError, match="took too long"):
        await looking.resolve(server.serve("/hang", hanging(first=hostile.id3_of_many(100))))
    await looking.close()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_killed_while_it_looks_whoever_waits_is_answered_by_the_next(
    looking: LookingApart, server: MediaServer, recorded: Recorded
) -> None:
    good, silent = server.serve("/good", content(recorded(Format.MP3))), server.serve("/slow", content(b""))
    await looking.resolve(good)
    pid = looking.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = asyncio.gather(*(looking.resolve(url) for url in (good, silent, good)), return_exceptions=True)
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    first, second, third = await waiting
    assert first == third == await looking.resolve(good)
    assert isinstance(second, TrackError)
    assert looking.begun == 2


async def test_closed_while_links_are_looked_at_it_begins_no_other_process(server: MediaServer) -> None:
    looking = LookingApart(server.allowed)
    asked = [asyncio.create_task(looking.resolve(server.serve(f"/{n}", hanging()))) for n in range(3)]
    await until(lambda: len(server.requests) >= THREADS, "being asked")
    await looking.close()

    for answer in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(answer, TrackError)
        assert "I am being stopped" in str(answer)
    assert looking.begun == 1
    assert looking.pid is None


async def test_closed_while_the_process_is_being_begun_it_ends_that_one(server: MediaServer) -> None:
    looking = LookingApart(server.allowed)
    asked = asyncio.create_task(looking.resolve(server.serve("/hang", hanging())))
    await asyncio.sleep(0)
    assert (looking.begun, looking.pid) == (1, None), "it is being begun"
    await looking.close()

    (answer,) = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(answer, TrackError)
    assert (looking.begun, looking.pid) == (1, None)


async def test_it_knows_none_of_our_secrets(
    looking: LookingApart, server: MediaServer, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMMYBOT_BOT_TOKEN", "hush")
    await looking.resolve(server.serve("/good", content(recorded(Format.MP3))))
    assert "hush" not in told_of(looking, "environ")


async def test_it_takes_little_memory(looking: LookingApart, server: MediaServer, recorded: Recorded) -> None:
    for number in range(20):
        await looking.resolve(server.serve(f"/{number}", content(recorded(Format.MP3))))
    rollup = told_of(looking, "smaps_rollup").splitlines()
    private_kib = sum(int(line.split()[1]) for line in rollup if line.startswith("Private"))
    assert private_kib / 1024 < MOST_PRIVATE_MIB


async def test_every_hostile_file_is_answered_in_time(server: MediaServer, recorded: Recorded) -> None:
    looking = LookingApart(server.allowed, resolve_seconds=4.0, cpu_seconds=1.0)
    files = hostile.files(recorded(Format.MP3), recorded(Format.OGG_OPUS))
    urls = [server.serve(f"/{number}", behaviour) for number, behaviour in enumerate(files.values())]
    for name, url in zip(files, urls, strict=True):
        async with asyncio.timeout(20.0):
            (answer,) = await asyncio.gather(looking.resolve(url), return_exceptions=True)
        assert isinstance(answer, Track | TrackError), name
        assert "Something went wrong" not in str(answer), name
    assert (await looking.resolve(server.serve("/good", content(recorded(Format.MP3))))).title == "evening"
    await looking.close()


async def test_what_ffmpeg_cannot_be_kept_from_costs_the_process_apart_its_bound_and_us_next_to_nothing(
    looking: LookingApart, server: MediaServer, recorded: Recorded
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
