"""A file over HTTP that FFmpeg can read and seek in, so that FFmpeg itself never opens a connection."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urljoin

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.allowance import Allowance
from timmybot.adapters.sources.answers import Opened, begin_of, check_plain, is_station, refusal, size_of, unreachable
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.urls import checked_url, host_and_port
from timmybot.ports.track_source import TrackError

REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
RECONNECTS = 3
"""How often in a row a broken connection is taken up again without a byte gained."""

SKIP_BYTES = 256 * 1024
"""A seek forward by less than this reads on: cheaper than asking again."""

REREAD_BYTES = 32 * 1024**2
"""Up to this size a file is sought in although its server gives no parts: from its beginning again, skipping."""

MAX_BYTES = 4 * 1024**3
CONNECT_SECONDS = 4.0
READ_SECONDS = 8.0
"""Between two packets of a file that is being sent."""

USER_AGENT = "TimmyBot/0.1"
_ADDRESSES_TRIED = 3
_RECEIVE_BYTES = 128 * 1024
"""What the kernel holds of a file that is not read on yet. Left to itself it takes megabytes, which the task's memory
limit counts; this still brings 1.3 MB/s from a server that is 100 ms away."""

_BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
"""What a connection can fail with: urllib3 translates most of it, but not all outside its pools."""

_SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)]


def _tls() -> ssl.SSLContext:
    """One for all connections: each of its own would read all the certificate authorities anew, and keep them."""
    return _tls_trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(4)
def _tls_trusting(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    """OpenSSL reads these variables itself when the context is made."""
    return ssl.create_default_context()


class HttpFile(io.RawIOBase):
    """A read-only file over HTTP. Not for two threads at once, but for :meth:`abort`, which any thread may call.

    A connection that breaks is taken up where it broke. Reading and opening raise :class:`TrackError`, in a
    sentence for the member, and never wait longer than the time-outs for one step.
    """

    def __init__(self, url: str, policy: AddressPolicy, waiting: Waiting | None = None) -> None:
        """``waiting`` is told when this thread waits for the network."""
        super().__init__()
        self._url = checked_url(url)
        self._policy = policy
        self._waiting = waiting
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._response: urllib3.HTTPResponse | None = None
        self._position = 0
        self._response_position = 0
        self._opened: Opened | None = None
        self._guard = threading.Lock()
        self._aborted = False
        self._awaiting = False
        self._over = False
        self._allowance = Allowance()

    @property
    def host(self) -> str:
        """The host of the URL that was given."""
        return self._url.host or ""

    def open(self) -> Opened:
        """Connect, if not connected yet, and say what the server said."""
        if self._opened is None:
            with self.awaited():
                self._request(0)
        assert self._opened is not None
        return self._opened

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Inside, this thread is not at work: others may be."""
        if self._waiting is None or self._awaiting:
            yield
            return
        self._awaiting = True
        try:
            with self._waiting():
                yield
        finally:
            self._awaiting = False

    def rest(self) -> None:
        """Let the connection go until more is asked for."""
        self._drop_response()

    # io.RawIOBase, as far as PyAV asks for it

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        """Whether going back is affordable: by asking for a part, or by reading a small file again."""
        opened = self.open()
        return opened.size is not None and (opened.ranges or opened.size <= REREAD_BYTES)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only notes the place: the connection follows at the next read."""
        size = self.open().size
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            if size is None:
                raise OSError("the size is not known")
            offset += size
        self._position = max(offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, at least one; none at the end of the file. After an error, none."""
        if self._over:
            return b""
        try:
            data = self._read(size if size > 0 else 64 * 1024)
            self._allowance.spend(len(data), self._position)
        except TrackError:
            self._over = True  # FFmpeg tries again and would have the same error many times over
            raise
        return data

    def grant(self) -> None:
        """Sound came out of what was read: allow as much again. Called for every packet.

        Raises :class:`TrackError` if it was computed over for too long.
        """
        try:
            self._allowance.earn()
        except TrackError:
            self._over = True
            raise

    def in_a_row(self, most: int | None) -> None:
        """From here on allow ``most`` bytes to be read in a row without sound: ``None`` for any number."""
        self._allowance.in_a_row(most)

    def _read(self, wanted: int) -> bytes:
        for _ in range(RECONNECTS + 1):
            if self._at_end():
                return b""
            data = self._try_to_read(wanted)
            if data:
                self._position += len(data)
                self._response_position = self._position
                return data
            self._drop_response()
            if self.open().size is None and not self.open().ranges:
                if data is None:
                    break  # asking again would give the beginning, or what is live by then
                self._over = True  # a body without a length ends where the server ends it
                return b""
        raise TrackError("The connection broke off, and the server does not go on from there. Try again later.")

    def abort(self) -> None:
        """Have whatever waits on the network stop waiting, now and for good. From any thread; never waits."""
        with self._guard:
            self._aborted = True
            if self._socket is not None:
                with contextlib.suppress(OSError):  # it is closed already, which is what we want
                    # The plain socket's: a TLS socket's own would take its state from under the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self._aborted = True
        self._drop_response()
        super().close()

    # Within one connection

    def _at_end(self) -> bool:
        size = self.open().size
        return size is not None and self._position >= size

    def _try_to_read(self, wanted: int) -> bytes | None:
        """Some bytes from the position; empty where the body ends; ``None`` when the connection broke."""
        try:
            with self.awaited():
                response = self._response_at_position()
                data = response.read1(wanted, decode_content=False)
        except _BROKEN:
            self._check_aborted()
            return None
        self._check_aborted()
        return data

    def _response_at_position(self) -> urllib3.HTTPResponse:
        ahead = self._position - self._response_position
        can_ask = self.open().ranges
        if self._response is None or ahead < 0 or (ahead > SKIP_BYTES and can_ask):
            self._request(self._position if can_ask else 0)
        assert self._response is not None
        while self._response_position < self._position:
            skipped = self._response.read1(
                min(self._position - self._response_position, 64 * 1024), decode_content=False
            )
            if not skipped:
                raise OSError("the body ended before the position")
            self._response_position += len(skipped)
        return self._response

    # Connecting

    def _request(self, offset: int) -> None:
        """Have a response whose body starts at ``offset``, following redirects, each checked like the first."""
        self._drop_response()
        url = self._url
        for _ in range(REDIRECTS + 1):
            response = self._get(url, offset)
            location = response.headers.get("Location")
            if response.status in REDIRECT_STATUSES and location:
                self._drop_response()
                url = checked_url(urljoin(url.url, location))
                continue
            self._accept(url, response, offset)
            return
        raise TrackError(f"That address leads on and on: I follow {REDIRECTS} redirects and no more.")

    def _get(self, url: Url, offset: int) -> urllib3.HTTPResponse:
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
                self._connect(address, port, host, secure=url.scheme == "https")
                assert self._connection is not None
                self._connection.request("GET", url.request_uri, headers=headers, preload_content=False)
                self._response = self._connection.getresponse()
            except _BROKEN as error:
                self._drop_response()
                trouble = error
            else:
                return self._response
            self._check_aborted()
        raise TrackError(unreachable(host, trouble)) from trouble

    def _connect(self, address: str, port: int, host: str, *, secure: bool) -> None:
        """Connect to exactly ``address``; with TLS, to whoever can prove to be ``host`` there."""
        self._check_aborted()
        if secure:
            self._connection = HTTPSConnection(
                address,
                port,
                timeout=CONNECT_SECONDS,
                ssl_context=_tls(),
                server_hostname=host,
                socket_options=_SOCKET_OPTIONS,
            )
        else:
            self._connection = HTTPConnection(address, port, timeout=CONNECT_SECONDS, socket_options=_SOCKET_OPTIONS)
        self._connection.connect()
        self._connection.timeout = READ_SECONDS
        with self._guard:
            self._socket = self._connection.sock
        self._check_aborted()

    def _accept(self, url: Url, response: urllib3.HTTPResponse, offset: int) -> None:
        """Take the answer for the file's content from ``offset`` on, or say why not."""
        if response.status not in {200, 206}:
            self._drop_response()
            if response.status == 416 and self._opened is None:
                raise TrackError("The file at that address is empty.")
            raise TrackError(refusal(response.status))
        check_plain(response)
        partial = response.status == 206
        size = size_of(response, partial=partial)
        if size is not None and size > MAX_BYTES:
            raise TrackError(f"That file is too large: I take {MAX_BYTES // 1024**3} GB at most.")
        if self._opened is None:
            content_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
            self._opened = Opened(url.url, content_type, size, partial, is_station(response) and size is None)
        elif size != self._opened.size:
            raise TrackError("The file at that address changed while I was reading it.")
        self._response_position = begin_of(response) if partial else 0
        if self._response_position > offset:
            raise TrackError("The server at that address sends another part of the file than I asked for.")

    def _drop_response(self) -> None:
        with self._guard:
            self._socket = None
        if self._response is not None:
            self._response.close()
            self._response = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check_aborted(self) -> None:
        if self._aborted:
            raise TrackError("That address took too long to answer. Try again later.")
