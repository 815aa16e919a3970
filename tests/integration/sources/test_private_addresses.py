"""Nobody can have the bot fetch from where it stands. Each refusal beside what happens without the safeguard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.media_server import MediaServer, content, media_server, redirect
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.ports.track_source import TrackError

MakeSource = Callable[..., HttpTrackSource]
REFUSED = "only from the public internet"


@pytest.fixture
def inside() -> Iterator[MediaServer]:
    """A server that must not be reached."""
    with media_server() as one:
        yield one


@pytest.fixture
def make() -> Iterator[MakeSource]:
    made: list[HttpTrackSource] = []

    def one(allow_hosts: tuple[str, ...], **options: object) -> HttpTrackSource:
        made.append(HttpTrackSource(allow_hosts, **options))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for source in made:
        source.close()


async def test_loopback_is_refused_and_never_connected_to(
    make: MakeSource, inside: MediaServer, recorded: Recorded
) -> None:
    url = inside.serve("/song.mp3", content(recorded(Format.MP3)))

    with pytest.raises(TrackError, match=REFUSED):
        await make(()).resolve(url)
    assert not inside.requests

    await make(inside.allowed).resolve(url)  # without the safeguard it is reached
    assert inside.requests


@pytest.mark.parametrize("spelling", ["localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]"])
async def test_other_spellings_of_loopback_are_refused_too(
    make: MakeSource, inside: MediaServer, spelling: str
) -> None:
    with pytest.raises(TrackError):
        await make(()).resolve(f"http://{spelling}:{inside.port}/song.mp3")
    assert not inside.requests


async def test_a_public_server_cannot_redirect_inside(
    make: MakeSource, server: MediaServer, inside: MediaServer, recorded: Recorded
) -> None:
    target = inside.serve("/song.mp3", content(recorded(Format.MP3)))
    url = server.serve("/song.mp3", redirect(target))

    with pytest.raises(TrackError, match=REFUSED):
        await make(server.allowed).resolve(url)
    assert server.requests
    assert not inside.requests

    await make((*server.allowed, *inside.allowed)).resolve(url)
    assert inside.requests


async def test_a_name_that_means_loopback_is_refused(make: MakeSource, inside: MediaServer, recorded: Recorded) -> None:
    inside.serve("/song.mp3", content(recorded(Format.MP3)))
    name = f"music.example:{inside.port}"
    means_loopback = {"resolve": lambda host, port: ["127.0.0.1"]}

    with pytest.raises(TrackError, match=REFUSED):
        await make((), **means_loopback).resolve(f"http://{name}/song.mp3")
    assert not inside.requests

    await make((name,), **means_loopback).resolve(f"http://{name}/song.mp3")
    assert inside.requests


async def test_a_name_is_looked_up_once_for_each_connection_and_that_address_is_used(
    make: MakeSource, inside: MediaServer, recorded: Recorded
) -> None:
    """A second look-up between the check and the connection is what DNS rebinding lives on."""
    inside.serve("/song.webm", content(recorded(Format.WEBM_OPUS)))
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    await make((f"music.example:{inside.port}",), resolve=resolve).resolve(
        f"http://music.example:{inside.port}/song.webm"
    )

    assert len(looked_up) == len(inside.requests)
