"""The frames of one URL, however often they have to be made anew: at another place, in another sound, after a break."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from urllib.parse import urlsplit

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.demux import Unseekable
from timmybot.adapters.sources.effects import Ramp
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.reel import Reel
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.ports.track_source import FRAME_MS, Sound, TrackError

PAUSES = (1, 2, 3, 3, 4)
"""For how long a station is left alone before it is tuned in to again, and again in a row without a second of sound
from it: in seconds, as whoever is given ``None`` waits for one. A server that is begun anew is back by then; and they
are less than a player waits for an empty buffer."""

RETURNS = len(PAUSES)

_ENOUGH_FRAMES = 1000 // FRAME_MS


class Playback:
    """One playing of one URL. Used by one thread at a time; :meth:`abort` by any. Implements ``frames.Frames``."""

    def __init__(self, url: str, policy: AddressPolicy, waiting: Waiting | None = None) -> None:
        self._url = url
        self._policy = policy
        self._waiting = waiting
        self._file: RememberingFile | None = None
        self._reel: Reel | None = None
        self._aborted = False
        self.live = False
        self.host = _host_of(url)

    @property
    def begins_ms(self) -> float:
        """The earliest place that frames can be made from."""
        return self._reel.tape.begins_ms if self._reel else 0.0

    @property
    def received(self) -> int:
        """How many bytes have come of the file that is open now."""
        file = self._file
        return 0 if file is None else file.received

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None = None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        """Runs of 20 ms Opus packets from ``position_ms`` on; ``None`` when there is none for now.

        Raises :class:`TrackError`.

        A file that does not let itself be sought in is read from its beginning up to the position. A station whose
        connection breaks is tuned in to again, and what it sent meanwhile is gone.
        """
        returns = 0
        while True:
            heard = 0
            try:
                self._reel = self._reel or self._opened(position_ms)
                for run in self._reel.frames(position_ms, sound, ramp):
                    heard += len(run)
                    yield run
                if not self.live:
                    return
            except TrackError:
                if not self.live or returns >= RETURNS:
                    raise
            returns = 1 if heard >= _ENOUGH_FRAMES else returns + 1
            if returns > RETURNS:
                raise TrackError("The station stopped sending. Try again later.")
            position_ms, ramp = position_ms + heard * FRAME_MS * sound.rate, None
            self.close()
            yield from [None] * PAUSES[returns - 1]

    def abort(self) -> None:
        """Have the generator stop waiting for the network. Never waits."""
        self._aborted = True
        if self._file is not None:
            self._file.abort()

    def close(self) -> None:
        """Let the file go."""
        reel, self._reel = self._reel, None
        if reel is not None:
            reel.close()
        elif self._file is not None:
            self._file.close()

    def _opened(self, position_ms: float) -> Reel:
        try:
            return self._reel_of(position_ms, seeking=True)
        except Unseekable:
            return self._reel_of(position_ms, seeking=False)

    def _reel_of(self, position_ms: float, *, seeking: bool) -> Reel:
        self._file = file = RememberingFile(self._url, self._policy, self._waiting)
        if self._aborted:
            file.abort()
        try:
            self.live = file.open().station or self.live
            return Reel(file, position_ms, seeking=seeking)
        except BaseException:
            file.close()
            raise


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no URL at all, which the file says when it is opened
        return ""
