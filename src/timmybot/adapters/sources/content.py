"""The bytes of one URL from any place on, over as many connections as that takes."""

from __future__ import annotations

import urllib3

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.answers import Opened, begin_of, check_plain, is_station, refusal, size_of
from timmybot.adapters.sources.exchange import BROKEN, Exchange
from timmybot.adapters.sources.urls import checked_url
from timmybot.ports.track_source import TrackError

RECONNECTS = 3
"""How often in a row a broken connection is taken up again without a byte gained."""

SKIP_BYTES = 256 * 1024
"""A seek forward by less than this reads on: cheaper than asking again."""

MAX_BYTES = 4 * 1024**3


class Content:
    """Not for two threads at once, but for :meth:`abort`. All but that waits on the network, and raises
    :class:`TrackError` in a sentence for the member.

    A connection that breaks is taken up where it broke.
    """

    def __init__(self, url: str, policy: AddressPolicy) -> None:
        self._url = checked_url(url)
        self._exchange = Exchange(policy)
        self._response: urllib3.HTTPResponse | None = None
        self._place = 0
        """Of the byte that the response gives next."""
        self._opened: Opened | None = None

    @property
    def host(self) -> str:
        """The host of the URL that was given."""
        return self._url.host or ""

    @property
    def opened(self) -> Opened | None:
        """``None`` until it is opened."""
        return self._opened

    def open(self) -> Opened:
        """Connect, if not connected yet, and say what the server said."""
        if self._opened is None:
            self._request(0)
        assert self._opened is not None
        return self._opened

    def read(self, place: int, wanted: int) -> bytes:
        """At most ``wanted`` bytes from ``place`` on, at least one; none where a body without a length ends."""
        for _ in range(RECONNECTS + 1):
            data = self._try_to_read(place, wanted)
            if data:
                self._place = place + len(data)
                return data
            self.rest()
            if self.open().size is None and not self.open().ranges:
                if data is None:
                    break  # asking again would give the beginning, or what is live by then
                return b""
        raise TrackError("The connection broke off, and the server does not go on from there. Try again later.")

    def rest(self) -> None:
        """Let the connection go until more is asked for."""
        self._response = None
        self._exchange.drop()

    def abort(self) -> None:
        """Have whatever waits on the network stop waiting, now and for good. From any thread; never waits."""
        self._exchange.abort()

    def close(self) -> None:
        self._response = None
        self._exchange.close()

    def _try_to_read(self, place: int, wanted: int) -> bytes | None:
        """Some bytes; empty where the body ends; ``None`` when the connection broke."""
        try:
            data = self._response_at(place).read1(wanted, decode_content=False)
        except BROKEN:
            self._exchange.check_aborted()
            return None
        self._exchange.check_aborted()
        return data

    def _response_at(self, place: int) -> urllib3.HTTPResponse:
        ahead = place - self._place
        can_ask = self.open().ranges
        if self._response is None or ahead < 0 or (ahead > SKIP_BYTES and can_ask):
            self._request(place if can_ask else 0)
        assert self._response is not None
        while self._place < place:
            skipped = self._response.read1(min(place - self._place, 64 * 1024), decode_content=False)
            if not skipped:
                raise OSError("the body ended before the place")
            self._place += len(skipped)
        return self._response

    def _request(self, offset: int) -> None:
        """Have a response whose body holds ``offset``, or begins there."""
        self._response = None
        url, response = self._exchange.get(self._url, offset)
        if response.status not in {200, 206}:
            self.rest()
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
        self._place = begin_of(response) if partial else 0
        if self._place > offset:
            raise TrackError("The server at that address sends another part of the file than I asked for.")
        self._response = response
