"""The bytes of one URL from any place on, over as many connections as that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import urllib3

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.answers import Opened, begin_of, check_plain, is_station, size_of
from timmybot.adapters.sources.exchange import BROKEN, Exchange
from timmybot.adapters.sources.naming import told_by
from timmybot.adapters.sources.refusals import PassingTrouble, broken_off, refused
from timmybot.adapters.sources.urls import checked_url
from timmybot.ports.track_source import TrackError

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""How long to wait, in seconds, before a broken connection is taken up again, and again without a byte gained. What is
buffered and what a player waits for an empty buffer outlast all of them."""

SKIP_BYTES = 256 * 1024
"""A seek forward by less than this reads on: cheaper than asking again."""

MOST_SKIPPED_BYTES = 32 * 1024**2
"""What is read and thrown away to get to a place, when a server begins further ahead."""

MAX_BYTES = 4 * 1024**3


class Content:
    """Not for two threads at once, but for :meth:`abort`. All but that waits on the network, and raises
    :class:`TrackError` in a sentence for the member.

    Once it is opened, a connection that breaks is taken up where it broke, and a server in trouble asked again.
    """

    def __init__(
        self, url: str, policy: AddressPolicy, skipped: Callable[[int], None], pauses: Sequence[float] = PAUSES
    ) -> None:
        """``skipped`` is told where reading is, whenever something was read only to get further, and may raise
        :class:`TrackError` when that costs too much."""
        self._url = checked_url(url)
        self._skipped = skipped
        self._pauses = pauses
        self._exchange = Exchange(policy)
        self._response: urllib3.HTTPResponse | None = None
        self._place = 0
        """Of the byte that the response gives next."""
        self._opened: Opened | None = None
        self.received = 0
        """How many bytes of bodies have come. Any thread may look."""

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
        for pause in self._pauses:
            try:
                return self._read_once(place, wanted)
            except PassingTrouble:
                if self.open().size is None:
                    raise  # asking again would give the beginning, or what is live by then
            self._exchange.pause(pause)
        return self._read_once(place, wanted)

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

    def _read_once(self, place: int, wanted: int) -> bytes:
        """Like :meth:`read`, from one connection. Raises :class:`PassingTrouble` when that breaks."""
        try:
            data = self._response_at(place).read1(wanted, decode_content=False)
        except BROKEN as error:
            self.rest()
            self._exchange.check_aborted()
            raise broken_off() from error
        self._exchange.check_aborted()
        if not data:
            self.rest()
            if self.open().size is not None:
                raise broken_off()
        self._place = place + len(data)
        self.received += len(data)
        return data

    def _response_at(self, place: int) -> urllib3.HTTPResponse:
        ahead = place - self._place
        can_ask = self.open().ranges
        if self._response is None or ahead < 0 or (ahead > SKIP_BYTES and can_ask):
            self._request(place if can_ask else 0)
        assert self._response is not None
        if place - self._place > MOST_SKIPPED_BYTES:
            raise TrackError("The server at that address does not let me go to a place in the file. Try another link.")
        while self._place < place:
            data = self._response.read1(min(place - self._place, 64 * 1024), decode_content=False)
            if not data:
                raise OSError("the body ended before the place")
            self._place += len(data)
            self.received += len(data)
            self._skipped(self._place)
        return self._response

    def _request(self, offset: int) -> None:
        """Have a response whose body holds ``offset``, or begins there."""
        self._response = None
        url, response = self._exchange.get(self._url, offset)
        if response.status not in {200, 206}:
            self.rest()
            if response.status == 416 and self._opened is None:
                raise TrackError("The file at that address is empty.")
            raise refused(response.status)
        check_plain(response)
        partial = response.status == 206
        size = size_of(response, partial=partial)
        if size is not None and size > MAX_BYTES:
            raise TrackError(f"That file is too large: I take {MAX_BYTES // 1024**3} GB at most.")
        if self._opened is None:
            content_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
            ranges = partial and size is not None
            station = is_station(response) and size is None
            self._opened = Opened(url.url, content_type, size, ranges, station, told_by(response.headers))
        elif size != self._opened.size:
            raise TrackError("The file at that address changed while I was reading it.")
        self._place = begin_of(response) if partial else 0
        if self._place > offset:
            raise TrackError("The server at that address sends another part of the file than I asked for.")
        self._response = response
