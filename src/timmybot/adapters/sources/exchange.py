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
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.bounded import BoundedAnswer
from timmybot.adapters.sources.refusals import unreachable
from timmybot.adapters.sources.urls import host_and_port, redirected
from timmybot.ports.track_source import TrackError

REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

CONNECT_SECONDS = 4.0
READ_SECONDS = 8.0
"""Between two packets of a file that is being sent."""

# It would write the whole URL whenever a server's headers are bad, and a URL's query may be a secret.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

USER_AGENT = "TimmyBot/0.1"
_ADDRESSES_TRIED = 3
_RECEIVE_BYTES = 128 * 1024
"""What the kernel holds of a file that is not read on yet. Left to itself it takes megabytes, which the task's memory
limit counts; this still brings 1.3 MB/s from a server that is 100 ms away."""

BROKEN: Final = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
"""What a connection can fail with: urllib3 translates most of it, but not all outside its pools."""

_SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)]


def _tls() -> ssl.SSLContext:
    """One for all connections: each of its own would read all the certificate authorities anew, and keep them."""
    return _tls_trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(4)
def _tls_trusting(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    """OpenSSL reads these variables itself when the context is made."""
    return ssl.create_default_context()


class Exchange:
    """One question and its answer at a time. Not for two threads at once, but for :meth:`abort`."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._response: urllib3.HTTPResponse | None = None
        self._guard = threading.Lock()
        self._aborted = threading.Event()

    def get(self, url: Url, offset: int) -> tuple[Url, urllib3.HTTPResponse]:
        """Ask for the file from ``offset`` on: where it was found, after redirects, and the answer, whatever it says.

        Each redirect is checked like the first address. Raises :class:`TrackError`, and
        :class:`~timmybot.adapters.sources.refusals.PassingTrouble` where nobody answers.
        """
        self.drop()
        for _ in range(REDIRECTS + 1):
            response = self._asked(url, offset)
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

    def _asked(self, url: Url, offset: int) -> urllib3.HTTPResponse:
        host, port = host_and_port(url)
        headers = {
            "Host": url.netloc or host,
            "User-Agent": USER_AGENT,
            "Accept": "audio/*, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Range": f"bytes={offset}-",
        }
        trouble: Exception | None = None
        for address in self._policy.addresses(host, port)[:_ADDRESSES_TRIED]:
            try:
                connection = self._connect(address, port, host, secure=url.scheme == "https")
                connection.request("GET", url.request_uri, headers=headers, preload_content=False)
                self._response = connection.getresponse()
            except BROKEN as error:
                self.drop()
                trouble = error
            else:
                return self._response
            self.check_aborted()
        raise unreachable(host, trouble) from trouble

    def _connect(self, address: str, port: int, host: str, *, secure: bool) -> HTTPConnection:
        """Connect to exactly ``address``; with TLS, to whoever can prove to be ``host`` there."""
        self.check_aborted()
        connection: HTTPConnection
        if secure:
            connection = HTTPSConnection(
                address,
                port,
                timeout=CONNECT_SECONDS,
                ssl_context=_tls(),
                server_hostname=host,
                socket_options=_SOCKET_OPTIONS,
            )
        else:
            connection = HTTPConnection(address, port, timeout=CONNECT_SECONDS, socket_options=_SOCKET_OPTIONS)
        connection.response_class = BoundedAnswer
        self._connection = connection
        connection.connect()
        connection.timeout = READ_SECONDS
        with self._guard:
            self._socket = connection.sock
        self.check_aborted()
        return connection
