"""Fetching over TLS: connected by address, trusted by name."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from sandbox.recording import Format
from tests.integration.sources.conftest import Recorded
from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.ports.track_source import TrackError

NAME = "music.example"


@pytest.fixture
def asked_for() -> list[str | None]:
    """The names that clients sent when they connected (SNI)."""
    return []


@pytest.fixture
def tls_server(
    server: MediaServer, asked_for: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MediaServer:
    """Proves to be ``music.example``, to those who trust its authority: us, here."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def file_from(name: str, server: MediaServer) -> HttpFile:
    policy = AddressPolicy((f"{name}:{server.port}",), resolve=lambda host, port: ["127.0.0.1"])
    return HttpFile(f"https://{name}:{server.port}/song.mp3", policy)


def test_the_address_is_ours_and_the_name_is_the_servers(
    tls_server: MediaServer, recorded: Recorded, asked_for: list[str | None]
) -> None:
    tls_server.serve("/song.mp3", content(recorded(Format.MP3)))

    file = file_from(NAME, tls_server)
    assert file.read(3) == recorded(Format.MP3)[:3]
    file.close()

    assert asked_for == [NAME]


def test_a_server_that_cannot_prove_its_name_is_not_trusted(tls_server: MediaServer) -> None:
    file = file_from("other.example", tls_server)

    with pytest.raises(TrackError, match=r"other\.example has no valid certificate"):
        file.open()
    file.close()
    assert not tls_server.requests


def test_a_server_that_nobody_vouches_for_is_not_trusted(
    tls_server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    file = file_from(NAME, tls_server)

    with pytest.raises(TrackError, match=r"music\.example has no valid certificate"):
        file.open()
    file.close()
    assert not tls_server.requests


def test_a_reading_that_hangs_over_tls_is_aborted(tls_server: MediaServer) -> None:
    """Without the plain socket's shutdown this read would wait for its time-out, eight seconds."""
    file = file_from(NAME, tls_server)

    def abort_then_hang(request: object) -> None:
        file.abort()
        tls_server.stopping.wait(20.0)

    tls_server.serve("/song.mp3", abort_then_hang)
    with pytest.raises(TrackError, match="took too long"):
        file.open()
    file.close()
