"""Asking a web server for a file, at an address that may be connected to."""

from __future__ import annotations

import contextlib
import functools
import http.client
import logging
import os
import socket
import ssl
import threading
from typing import Final

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util import Url

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.bounded import BoundedAnswer
from timmybot.adapters.sources.connecting import CONNECT_SECONDS, first_connected
from timmybot.adapters.sources.refusals import TIMED_OUT, unreachable
from timmybot.adapters.sources.urls import host_and_port, redirected
from timmybot.ports.track_source import TrackError

REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

READ_SECONDS = 8.0
"""Between two packets of a file that is being sent."""
ANSWER_SECONDS = 20.0
"""For the first byte of a first answer: the whole patience with a link. A server may have to fetch the file itself."""

# It would write the whole URL whenever a server's headers are bad, and a URL's query may be a secret.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

USER_AGENT = "TimmyBot/0.1"
_ADDRESSES_ASKED = 3
"""How many that take a connection are asked, when the ones before break it off."""

BROKEN: Final = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
"""What a connection can fail with: urllib3 translates most of it, but not all outside its pools."""


def _tls() -> ssl.SSLContext:
    """One for all connections: each of its own would read all the certificate authorities anew, and keep them."""
    return _tls_trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(4)
def _tls_trusting(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    """OpenSSL reads these variables itself when the context is made."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Exchange:
    """One question and its answer at a time. Not for two threads at once, but for :meth:`abort`."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self.slowest_seconds = 0.0
        """What an answer's first byte has taken at most."""
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._response: urllib3.HTTPResponse | None = None
        self._guard = threading.Lock()
        self._aborted = threading.Event()

    def get(self, url: Url, offset: int, answer_seconds: float = ANSWER_SECONDS) -> tuple[Url, urllib3.HTTPResponse]:
        """Ask for the file from ``offset`` on: where it was found, after redirects, and the answer, whatever it says.

        The server may take ``answer_seconds`` for the first byte of it. Each redirect is checked like the first
        address. Raises :class:`TrackError`, and :class:`~timmybot.adapters.sources.refusals.PassingTrouble` where
        nobody answers.
        """
        self.drop()
        for _ in range(REDIRECTS + 1):
            response = self._asked(url, offset, answer_seconds)
            location = response.headers.get("Location")
            if response.status not in REDIRECT_STATUSES or not location:
                return url, response
            self.drop()
            url = redirected(url, location)
        raise TrackError(f"That address leads on and on: I follow {REDIRECTS} redirects and no more.")

    def drop(self) -> None:
        """Let the answer and its connection go."""
        with self._guard:
            self._socket = None
        if self._response is not None:
            self._response.close()
            self._response = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abort(self) -> None:
        """Have whatever waits on the network stop waiting, now and for good. From any thread; never waits."""
        with self._guard:
            self._aborted.set()
            if self._socket is not None:
                with contextlib.suppress(OSError):  # it is closed already, which is what we want
                    # The plain socket's: a TLS socket's own would take its state from under the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self._aborted.set()
        self.drop()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until :meth:`abort`, which raises :class:`TrackError`."""
        self._aborted.wait(seconds)
        self.check_aborted()

    def check_aborted(self) -> None:
        """Raises :class:`TrackError`."""
        if self._aborted.is_set():
            raise TrackError("That address took too long to answer. Try again later.")

    def _asked(self, url: Url, offset: int, answer_seconds: float) -> urllib3.HTTPResponse:
        host, port = host_and_port(url)
        trouble: Exception | None = None
        left = self._policy.addresses(host, port)
        for _ in range(_ADDRESSES_ASKED):
            address = None
            try:
                address, connected = first_connected(left, port, self.check_aborted, self._policy.dialler)
                connection = self._connection_over(connected, host, port, secure=url.scheme == "https")
                response = self._answer(connection, url, offset, answer_seconds)
            except BROKEN as error:
                self.drop()
                trouble = error
            else:
                self._policy.proven.note(host, port, address)
                return response
            self.check_aborted()
            left = [other for other in left if other != address]
            if address is None or not left:
                break
        raise unreachable(host, trouble) from trouble

    def _connection_over(self, connected: socket.socket, host: str, port: int, *, secure: bool) -> HTTPConnection:
        """A connection to exactly whom ``connected`` leads to; with TLS, to whoever can prove to be ``host`` there."""
        self._connection = connection = HTTPConnection(host, port)
        connection.response_class = BoundedAnswer
        connection.sock = connected
        connected.settimeout(CONNECT_SECONDS)
        if secure:
            connection.sock = tls = _tls().wrap_socket(
                connected, server_hostname=host.rstrip("."), do_handshake_on_connect=False
            )
            self._may_be_aborted(tls)
            tls.do_handshake()
        else:
            self._may_be_aborted(connected)
        return connection

    def _may_be_aborted(self, connected: socket.socket) -> None:
        with self._guard:
            self._socket = connected
        self.check_aborted()

    def _answer(self, connection: HTTPConnection, url: Url, offset: int, answer_seconds: float) -> urllib3.HTTPResponse:
        headers = {
            "Host": url.netloc or "",
            "User-Agent": USER_AGENT,
            "Accept": "audio/*, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Range": f"bytes={offset}-",
        }
        asked_at = self._policy.dialler.monotonic()
        connection.timeout = answer_seconds
        try:
            connection.request("GET", url.request_uri, headers=headers, preload_content=False)
            self._response = response = connection.getresponse()
        except TIMED_OUT as error:  # that long, once: another address would be one more time that long
            self.drop()
            self.check_aborted()
            raise unreachable(connection.host, error) from error
        self.slowest_seconds = max(self.slowest_seconds, self._policy.dialler.monotonic() - asked_at)
        if self._socket is not None:
            with contextlib.suppress(OSError):  # there was nothing to read, and it is closed already
                self._socket.settimeout(READ_SECONDS)
        return response
