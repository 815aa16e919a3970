"""A web server on loopback that behaves as told, well or badly."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request, answered by what was set for its path."""

    protocol_version = "HTTP/1.1"
    server: MediaServer

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append((self.path, self.headers.get("Range")))
        with suppress(OSError):  # the client may leave whenever it likes
            self.server.behaviours.get(self.path, status(404))(self)

    def begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class MediaServer(ThreadingHTTPServer):
    """``behaviours`` by path; ``requests`` as they came: path and Range header."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.stopping = Event()

    @property
    def port(self) -> int:
        return self.server_port

    @property
    def allowed(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}",)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, path: str, behaviour: Behaviour) -> str:
        """Behave so at ``path``; returns the URL."""
        self.behaviours[path] = behaviour
        return self.url(path)

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def media_server() -> Iterator[MediaServer]:
    with MediaServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def content(data: bytes, kind: str = "application/octet-stream", *, ranges: bool = True) -> Behaviour:
    """A file, as a good server serves it; without ``ranges``, as a plain one does."""

    def behave(request: Handler) -> None:
        asked = request.headers.get("Range", "")
        if not ranges or not asked:
            request.begin(200, Content_Type=kind, Content_Length=str(len(data)))
            request.wfile.write(data)
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(data):
            request.begin(416, Content_Range=f"bytes */{len(data)}", Content_Length="0")
            return
        span = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        request.begin(206, Content_Type=kind, Content_Length=str(len(data) - begin), Content_Range=span)
        request.wfile.write(data[begin:])

    return behave


def breaking(data: bytes, *, after: int, ranges: bool = True) -> Behaviour:
    """A file of which every connection gives ``after`` bytes and then breaks."""
    whole = content(data, ranges=ranges)

    def behave(request: Handler) -> None:
        out = request.wfile
        request.wfile = _Cut(out, after)  # type: ignore[assignment]
        try:
            whole(request)
        finally:
            request.wfile = out
            request.connection.shutdown(socket.SHUT_RDWR)

    return behave


class _Cut:
    def __init__(self, out: object, after: int) -> None:
        self._out = out
        self._after = after
        self._headers_done = False

    def write(self, data: bytes) -> int:
        if not self._headers_done:
            self._headers_done = True
        else:
            data = data[: self._after]
        self._out.write(data)  # type: ignore[attr-defined]
        return len(data)

    def flush(self) -> None:
        self._out.flush()  # type: ignore[attr-defined]


def status(code: int) -> Behaviour:
    return lambda request: request.begin(code, Content_Length="0")


def redirect(to: str) -> Behaviour:
    return lambda request: request.begin(302, Location=to, Content_Length="0")


def endless(piece: bytes, kind: str = "audio/mpeg") -> Behaviour:
    """``piece`` over and over, without a length: until the client has enough."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type=kind)
        while not request.server.stopping.is_set():
            request.wfile.write(piece)

    return behave


def hanging(*, first: bytes = b"", size: int = 1_000_000) -> Behaviour:
    """A file whose server stops sending after ``first``, and keeps the connection."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type="audio/mpeg", Content_Length=str(size))
        request.wfile.write(first)
        request.wfile.flush()
        request.server.stopping.wait()

    return behave


def raw(begin: bytes, again: bytes = b"") -> Behaviour:
    """What no good server writes: ``begin``, and ``again`` for as long as the client stays."""

    def behave(request: Handler) -> None:
        request.wfile.write(begin)
        while again and not request.server.stopping.is_set():
            request.wfile.write(again)

    return behave
