"""The bytes of one URL from any place on, over as many connections as that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.answers import Opened, begin_of, check_plain, is_station, says_where, size_of
from timmybot.adapters.sources.body import Body
from timmybot.adapters.sources.exchange import ANSWER_SECONDS, BROKEN, READ_SECONDS, Exchange
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

SLOW_SECONDS = 1.0
"""A server that takes longer for its first byte is not asked twice for the same: the connection from which reading
jumps away is kept beside the new one. Others are asked again, since some of them serve one connection at a time."""

SETTLED_BYTES = 1024**2
"""After so many bytes in a row reading jumps no more: what was kept for that is let go."""


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
        self._exchanges = (Exchange(policy), Exchange(policy))
        self._bodies: list[Body] = []
        """The one that is read comes last."""
        self._in_a_row = 0
        """How many bytes that one gave."""
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
            self._bodies = [self._asked(0, self._exchanges[0])]
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
            self._exchanges[0].pause(pause)
        return self._read_once(place, wanted)

    def rest(self) -> None:
        """Let the connections go until more is asked for."""
        self._keep([])

    def abort(self) -> None:
        """Have whatever waits on the network stop waiting, now and for good. From any thread; never waits."""
        for exchange in self._exchanges:
            exchange.abort()

    def close(self) -> None:
        self._bodies.clear()
        for exchange in self._exchanges:
            exchange.close()

    def _read_once(self, place: int, wanted: int) -> bytes:
        """Like :meth:`read`, without another try. Raises :class:`PassingTrouble` when the connection breaks."""
        try:
            body = self._body_at(place)
            data = body.again(place, wanted) or self._further(body, wanted)
        except BROKEN as error:
            self.rest()
            self._exchanges[0].check_aborted()
            raise broken_off(error) from error
        self._exchanges[0].check_aborted()
        if not data:
            self.rest()
            if self.open().size is not None:
                raise broken_off()
        return data

    def _further(self, body: Body, wanted: int) -> bytes:
        data = body.read(wanted)
        self.received += len(data)
        self._in_a_row += len(data)
        if self._in_a_row > SETTLED_BYTES:
            self._keep([body])
            body.forget()
        return data

    def _body_at(self, place: int) -> Body:
        """The one that gives the byte at ``place`` next, or has it kept."""
        can_ask = self.open().ranges
        ahead = SKIP_BYTES if can_ask else MAX_BYTES
        body = next((each for each in reversed(self._bodies) if each.reaches(place, ahead)), None)
        if body is None:
            body = self._another(place if can_ask else 0)
        if body is not self._bodies[-1]:
            self._bodies.reverse()  # there are two at most
            self._in_a_row = 0
        if place - body.place > MOST_SKIPPED_BYTES:
            raise TrackError("The server at that address does not let me go to a place in the file. Try another link.")
        while body.place < place:
            if not self._further(body, min(place - body.place, 64 * 1024)):
                raise OSError("the body ended before the place")
            self._skipped(body.place)
        return body

    def _another(self, offset: int) -> Body:
        """From ``offset`` on, or a little before; beside the one that was read, where asking again takes long."""
        slow = max(exchange.slowest_seconds for exchange in self._exchanges) > SLOW_SECONDS
        self._keep(self._bodies[-1:] if slow and self.open().ranges else [])
        taken = [body.exchange for body in self._bodies]
        body = self._asked(offset, next(free for free in self._exchanges if free not in taken))
        self._bodies.append(body)
        self._in_a_row = 0
        return body

    def _keep(self, bodies: list[Body]) -> None:
        """Let all other bodies go."""
        self._bodies = bodies
        for exchange in self._exchanges:
            if all(body.exchange is not exchange for body in bodies):
                exchange.drop()

    def _asked(self, offset: int, exchange: Exchange) -> Body:
        """The body of a new answer, which holds ``offset`` or begins there."""
        url, response = exchange.get(self._url, offset, self._answer_seconds())
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
        place = begin_of(response) if partial else 0
        if place > offset or (partial and offset > 0 and not says_where(response)):
            raise TrackError("The server at that address sends another part of the file than I asked for.")
        return Body(exchange, response, place)

    def _answer_seconds(self) -> float:
        """A server that was slow once may be as slow again; one that was not has to answer before a buffer is empty."""
        if self._opened is None:
            return ANSWER_SECONDS
        slowest = max(exchange.slowest_seconds for exchange in self._exchanges)
        return min(max(READ_SECONDS, 2 * slowest), ANSWER_SECONDS)
