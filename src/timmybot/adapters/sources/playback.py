"""The frames of one URL, opened again as often as it takes: at another place, after a break, in another child."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from urllib.parse import urlsplit

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.kinds import check_kind
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.media_session import DoubtfulRefusal, MediaChildEnded, NoChildFree
from timmybot.adapters.sources.ramp import Ramp
from timmybot.adapters.sources.reel import Reel
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.ports.track_source import FRAME_MS, DecoderCrashed, Sound, SourceAway, TrackError

log = logging.getLogger(__name__)

PAUSES = (1, 2, 3, 3, 4)
"""For how long a station is left alone before it is tuned in to again, and again in a row without a second of sound
from it: in seconds, as whoever is given ``None`` waits for one. A server that is begun anew is back by then; and they
are less than a player waits for an empty buffer."""

RETURNS = len(PAUSES)

DEATHS = 4
"""How many children in a row may die under a stream, for no fault of its own, without half a minute of its sound."""

_ENOUGH_FRAMES = 1000 // FRAME_MS
_PROVEN_FRAMES = 30_000 // FRAME_MS
"""After half a minute of sound, a child that dies is another story."""


CHILD_WAITS = 10
"""How often a child is asked for again where none is to be had, a second apart and more."""


class Playback:
    """One playing of one URL. Used by one thread at a time; :meth:`abort` by any. Implements ``frames.Frames``."""

    def __init__(
        self,
        url: str,
        policy: AddressPolicy,
        media: MediaPool,
        waiting: Waiting | None = None,
        *,
        alone: bool = False,
    ) -> None:
        """``alone``: in a child of its own."""
        self._url = url
        self._policy = policy
        self._media = media
        self._waiting = waiting
        self._alone = self._suspected = alone
        self._file: RememberingFile | None = None
        self._reel: Reel | None = None
        self._aborted = False
        self.live = False
        self.host = _host_of(url)

    @property
    def begins_ms(self) -> float:
        """The earliest place that frames can be made from."""
        return self._reel.begins_ms if self._reel else 0.0

    @property
    def received(self) -> int:
        """How many bytes have come of the file that is open now."""
        file = self._file
        return 0 if file is None else file.received

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None = None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        """Runs of 20 ms Opus packets from ``position_ms`` on; ``None`` when there is none for now.

        Raises :class:`TrackError`, and :class:`DecoderCrashed` if this track brings down the child that works for it.

        A file that does not let itself be sought in is read from its beginning up to the position. A station whose
        connection breaks is tuned in to again, and what it sent meanwhile is gone. When the child dies for another
        stream's sake, the file is opened again in another child, at the place where the frames ended.
        """
        returns = deaths = waits = 0
        while True:
            heard = 0
            broken = False
            try:
                self._reel = self._reel or self._opened(position_ms)
                for run in self._reel.frames(position_ms, sound, ramp):
                    heard += len(run)
                    yield run
                if not self.live:
                    return
                broken = True
            except MediaChildEnded as ended:
                deaths = 1 if heard >= _PROVEN_FRAMES else deaths + 1
                self._bear(ended, deaths)
            except NoChildFree:
                # Nobody is blamed, and nothing is skipped at once: it is asked again every second.
                waits += 1
                if waits > CHILD_WAITS:
                    raise Refused(Refusal.OUR_FAULT) from None
                self._alone = self._suspected
                self.close()
                yield None
            except DoubtfulRefusal as doubtful:
                log.info("a child short of memory refused a track: %s", doubtful)
                self._alone = True
            except TrackError:
                if not self.live or returns >= RETURNS:
                    raise
                broken = True
            position_ms, ramp = position_ms + heard * FRAME_MS * sound.rate, None
            self.close()
            if broken:
                returns = 1 if heard >= _ENOUGH_FRAMES else returns + 1
                if returns > RETURNS:
                    raise SourceAway("The station stopped sending. Try again later.")
                yield from [None] * PAUSES[returns - 1]

    def abort(self) -> None:
        """Have the generator stop waiting for the network or a child. Never waits."""
        self._aborted = True
        file, reel = self._file, self._reel
        if file is not None:
            file.abort()
        if reel is not None:
            reel.abort()

    def close(self) -> None:
        """Let the file go."""
        reel, self._reel = self._reel, None
        if reel is not None:
            reel.close()
        elif self._file is not None:
            self._file.close()

    def _bear(self, ended: MediaChildEnded, deaths: int) -> None:
        """Go on in another child, or raise."""
        if ended.blamed:
            raise DecoderCrashed("That track crashes my decoder. Try another file.") from None
        if deaths > DEATHS:
            raise Refused(Refusal.OUR_FAULT) from None
        if deaths > DEATHS // 2:
            self._alone = True  # whatever kills the others may spare this one

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
            check_kind(file)
            self.live = file.open().station or self.live
            return Reel(file, self._media, position_ms, seeking=seeking, alone=self._alone)
        except BaseException:
            file.close()
            raise


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no URL at all, which the file says when it is opened
        return ""
