"""One opened file, and the frames that are made of it: passed through here, or made in a media child."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from typing import Final

from timmybot.adapters.sources import passthrough
from timmybot.adapters.sources.media_messages import PACKETS_LIMIT, Packet
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.media_session import MediaChildEnded, MediaSession
from timmybot.adapters.sources.packets import Unexpected
from timmybot.adapters.sources.ramp import RAMP_FRAMES, Ramp
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable
from timmybot.adapters.sources.remembering import RememberingFile
from timmybot.adapters.sources.row import RUN_FRAMES, Placed, Row, Timed
from timmybot.adapters.sources.takeover import Takeover, take_over
from timmybot.adapters.sources.tape import PREROLL_MS, Tape
from timmybot.ports.track_source import FRAME_MS, Sound

log = logging.getLogger(__name__)

KEPT_MS = 5_000.0 + RUN_FRAMES * FRAME_MS + 2 * PREROLL_MS
"""How much of the track can be gone back to: what a full buffer holds, the last run included, and what decoding from
there takes."""

FIRST_STEP: Final = 7
"""Frames that are asked for at first: a ramp, and what a reader takes while the next are made."""
STEP_FRAMES: Final = 25
"""Frames at a time: 5 ms of a child's work."""
LIVE_FRAMES: Final = 5
"""What is live is handed on as it comes, in tenths of a second."""
_RETRIES: Final = 4
_KNOWN_AGAIN: Final = 4
"""How many packets in a row tell where in a file one is."""


class Reel:
    """A file opened at ``position_ms``. Used on one thread at a time, but for :meth:`abort`, and closed by its owner.

    Raises :class:`TrackError`, :class:`MediaChildEnded`, :class:`DoubtfulRefusal`, and :class:`Unseekable` if it began
    elsewhere though told to go there ``seeking``.
    """

    def __init__(
        self, file: RememberingFile, media: MediaPool, position_ms: float, *, seeking: bool, alone: bool
    ) -> None:
        self._file = file
        self._media = media
        self._alone = alone
        self._aborted = False
        self._transcoding: MediaSession | None = None
        self._demuxing: MediaSession | None = None
        session = self._demuxing = media.session(file, alone=alone, plays=True)
        try:
            self._told = session.open(position_ms, seeking=seeking)
            self._live = file.open().size is None
            self._plain = self._told.plain
            first = self._told.first
            self._through = self._plain and passthrough.in_frames(first)
            takeover = take_over(file, first) if self._through and file.seekable() else None
            file.forget()
            if takeover is not None:
                self._let_go()  # FFmpeg has done its part
            else:
                media.stays(session)
        except BaseException:
            session.close()
            raise
        self._begins_ms = 0.0
        self._tape = Tape(self._runs(first, takeover), KEPT_MS, len)
        """Of what is passed through. Of everything else, the child keeps one."""

    @property
    def begins_ms(self) -> float:
        """The earliest place that frames can be made from."""
        return self._tape.begins_ms if self._plain else self._begins_ms

    def frames(self, position_ms: float, sound: Sound, ramp: Ramp | None) -> Generator[Sequence[bytes], None, None]:
        """Runs of 20 ms Opus packets from ``position_ms`` on, or from where it is still possible.

        Ends a generator that was begun earlier: they share the file.
        """
        if not self._plain:
            assert self._demuxing is not None
            self._demuxing.begin(position_ms, sound, ramp)
            yield from self._steps(self._demuxing)
            self._file.rest()
            return
        self._tape.keep_ms = KEPT_MS * max(1.0, sound.rate)
        if self._through and sound.untouched:
            if ramp is not None and ramp.begin != ramp.end:
                yield from self._transcoded(position_ms, sound, ramp, RAMP_FRAMES)
                position_ms += RAMP_FRAMES * FRAME_MS
            self._close_transcoding()
            begin_ms = int(position_ms) // FRAME_MS * FRAME_MS - FRAME_MS / 2
            place = yield from passthrough.frames(self._tape.runs(begin_ms))
            if place is None:
                return
            self._through, position_ms, ramp = False, float(place), None
        yield from self._transcoded(position_ms, sound, ramp)

    def abort(self) -> None:
        """Wake whoever waits for a child. From any thread; never waits."""
        self._aborted = True
        for session in (self._demuxing, self._transcoding):
            if session is not None:
                session.abort()

    def close(self) -> None:
        self._close_transcoding()
        self._let_go()
        self._file.close()

    # Frames that a child makes

    def _steps(self, session: MediaSession, most: int | None = None) -> Iterator[Sequence[bytes]]:
        wanted, left = FIRST_STEP, most
        while left is None or left > 0:
            run = session.step(wanted if left is None else min(wanted, left))
            self._begins_ms = run.begins_ms
            if run.frames:
                yield run.frames
            if run.over:
                return
            left = None if left is None else left - len(run.frames)
            wanted = LIVE_FRAMES if self._live else STEP_FRAMES

    def _transcoded(
        self, position_ms: float, sound: Sound, ramp: Ramp | None, most: int | None = None
    ) -> Iterator[Sequence[bytes]]:
        """Frames made of the packets on the tape: in another child, from where they ended, when one dies."""
        made = failures = 0
        while most is None or made < most:
            place_ms = position_ms + made * FRAME_MS * sound.rate
            try:
                session = self._transcoder()
                session.begin(place_ms, sound, None if made else ramp, self._tape.pieces(place_ms))
                for run in self._steps(session, None if most is None else most - made):
                    yield run
                    made, failures = made + len(run), 0
            except MediaChildEnded as ended:
                ours = self._transcoding is not None and self._transcoding.number == ended.number
                self._close_transcoding()
                failures += 1
                if ended.blamed or not ours or failures > _RETRIES:
                    raise
            else:
                return

    def _transcoder(self) -> MediaSession:
        if self._transcoding is None:
            session = self._media.session(None, self._file.awaited, alone=self._alone, plays=True)
            self._transcoding = session
            if self._aborted:
                session.abort()
            session.transcode()
            self._media.stays(session)
        return self._transcoding

    def _close_transcoding(self) -> None:
        session, self._transcoding = self._transcoding, None
        if session is not None:
            session.close()

    def _let_go(self) -> None:
        """Have the child close the file."""
        session, self._demuxing = self._demuxing, None
        if session is not None:
            session.close()

    # What the tape is filled from

    def _runs(self, first: list[Packet], takeover: Takeover | None) -> Iterator[Sequence[Placed]]:
        if not first or not self._plain:
            return iter(())
        told = self._told
        place_ms = (first[0].pts - told.start) * told.unit_ms + told.shift_ms
        # What is live does not wait for what is missing.
        row = Row(place_ms, first[0].pts, told.unit_ms, fills_holes=not self._live)
        if takeover is not None:
            return self._taken_over(row, takeover)
        return self._placed(row, chain((first,), self._demuxed()))

    def _placed(self, row: Row, runs: Iterator[Sequence[Packet]]) -> Iterator[Sequence[Placed]]:
        for run in runs:
            self._file.grant()
            yield from row.placed([(packet.pts, packet.data) for packet in run])
        self._file.rest()

    def _demuxed(self) -> Iterator[Sequence[Packet]]:
        """The packets behind the first, as FFmpeg gives them."""
        over = False
        while not over and self._demuxing is not None:
            packets, over = self._demuxing.packets(LIVE_FRAMES if self._live else PACKETS_LIMIT)
            if packets:
                yield packets

    def _taken_over(self, row: Row, takeover: Takeover) -> Iterator[Sequence[Placed]]:
        """Packets without FFmpeg, as far as that goes."""
        shift = takeover.shift
        row.shift(-shift)
        last: list[Timed] = []
        try:
            for run in takeover.runs():
                self._file.grant()
                last = [*last, *run][-_KNOWN_AGAIN:]
                yield from row.placed(run)
        except Unexpected as surprise:
            log.info("FFmpeg has to read on: %s", surprise)
            row.shift(shift)
            read_on = self._behind([(time + shift, data) for time, data in last], self._file.tell())
            yield from self._placed(row, read_on)
        else:
            self._file.rest()

    def _behind(self, last: list[Timed], end: int) -> Iterator[Sequence[Packet]]:
        """What FFmpeg gives behind the packets ``last``, which lie in a row before the place ``end`` of the file.

        FFmpeg counts time in its own way where a file's clock jumps, so packets are known again by their bytes.
        """
        time_ms = max(0.0, (last[-1][0] - self._told.start) * self._told.unit_ms) if last else 0.0
        for position_ms in (time_ms, 0.0):
            self._file.begin_anew()
            session = self._demuxing = self._media.session(self._file, alone=self._alone, plays=True)
            if self._aborted:
                session.abort()
            try:
                told = session.open(position_ms, seeking=position_ms > 0)
            except Unseekable:
                self._let_go()
                continue
            self._media.stays(session)
            behind = _behind(last, chain((told.first,), self._demuxed()), end)
            first = next(behind, None)
            if first is not None:
                yield first
                yield from behind
                return
            self._let_go()
        raise Refused(Refusal.UNREADABLE)


def _behind(last: Sequence[Timed], runs: Iterator[Sequence[Packet]], end: int) -> Iterator[Sequence[Packet]]:
    """The packets of ``runs`` behind those that are ``last``; nothing if these do not come before the place ``end``."""
    wanted = [data for _, data in last]
    seen: list[bytes] = []
    found = not wanted
    for run in runs:
        if found:
            yield run
            continue
        for number, packet in enumerate(run):
            seen = [*seen, packet.data][-len(wanted) :]
            if seen == wanted:
                found = True
                if run[number + 1 :]:
                    yield run[number + 1 :]
                break
            if packet.pos is not None and packet.pos >= end:
                return  # gone to another place
