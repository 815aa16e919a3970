"""An HTTP answer of which no more is read than an honest server sends beside the content.

http.client reads interim answers (``100 Continue``) and trailers for as long as they come, and never gives control
back: a server that sends nothing else would have a thread compute for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import Final

MOST_LINES: Final = 256
"""Lines in a row without a byte of content. http.client takes a status line and 100 headers at most; this leaves room
for one interim answer as large as that."""

_SHOUTCAST: Final = b"ICY "
"""How SHOUTcast 1 begins its status line. What follows is that of HTTP/1.0."""


class BoundedAnswer(http.client.HTTPResponse):
    """Raises :class:`http.client.HTTPException` where a server goes on and on. Understands SHOUTcast 1 too."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = _Lines(self.fp.detach())


class _Lines(io.BufferedReader):
    """All that http.client does not bound, it reads by :meth:`readline`; content it reads by :meth:`read1`."""

    _in_a_row = 0
    _begun = False

    def readline(self, size: int | None = -1, /) -> bytes:
        self._in_a_row += 1
        if self._in_a_row > MOST_LINES:
            raise http.client.HTTPException("headers without end")
        line = super().readline(size)
        if not self._begun:
            self._begun = True
            if line.startswith(_SHOUTCAST):
                return b"HTTP/1.0 " + line.removeprefix(_SHOUTCAST)
        return line

    def read1(self, size: int = -1, /) -> bytes:
        data = super().read1(size)
        if data:
            self._in_a_row = 0
        return data
