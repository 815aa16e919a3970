"""A link to a server that carries a request and loses the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3


class LossyLink(ThreadingHTTPServer):
    """Forwards to ``endpoint_url``; of the next ``lose`` requests the server acts, and the client never hears of it."""

    daemon_threads = True

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.endpoint_url = endpoint_url
        self.lose = 0
        self.carried = 0
        self.pool = urllib3.PoolManager()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LossyLink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = self.server.pool.request("POST", self.server.endpoint_url + self.path, body=body, headers=headers)
        self.server.carried += 1
        if self.server.lose:
            self.server.lose -= 1
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a test's output is its own."""


@contextmanager
def lossy_link(endpoint_url: str) -> Iterator[LossyLink]:
    link = LossyLink(endpoint_url)
    thread = threading.Thread(target=link.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield link
    finally:
        link.shutdown()
        thread.join()
        link.server_close()
        link.pool.clear()
