"""How loud a track is: EBU R 128, measured by FFmpeg on the whole of a short track and on excerpts of a long one.

The cost is bounded whatever the track's length: ``HEARD_MS`` of sound are fetched, decoded and heard, which takes about
a second of one core, spent at a share of it that the pacing thread does not notice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import takewhile

import av
import av.error
from av.container import InputContainer
from av.filter import Graph

from timmybot.adapters.sources.children.media import demux, mp3
from timmybot.adapters.sources.children.media.containers import opened
from timmybot.adapters.sources.children.media.effects import HERTZ
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.stereo import resampled
from timmybot.adapters.sources.children.media.transcode import Timed, decoded_frames
from timmybot.adapters.sources.refusal import Unseekable
from timmybot.ports.track_source import Loudness

HEARD_MS = 180_000
"""How much of a track is heard at most. Gating (ITU-R BS.1770) makes the rest of most music alike."""

EXCERPTS = 12
"""In how many pieces, evenly over the track, when it is longer."""

SHARE = 0.05
"""How much of a core measuring may take while it lasts."""

_SILENT_LUFS = -69.0
"""The meter's floor is -70: nothing was loud enough to count. Source: BS.1770, absolute gate."""

_CHUNK_SECONDS = 2.0


def measure(file: RemoteFile, *, rest: Callable[[float], None]) -> Loudness | None:
    """Waits on the network; ``rest`` is given seconds to wait, so that others have their turn.

    Raises :class:`Refused`. ``None`` for what has no end, cannot be gone about in though long, or is silent.
    """
    if file.open().size is None:
        return None
    with opened(file) as (container, sound):
        meter = _Meter()
        begun = time.thread_time()
        heard_seconds = 0.0
        try:
            for frame in resampled(frame for _, frame in _excerpts(container, sound, file)):
                file.grant()
                meter.hear(frame)
                heard_seconds += frame.samples / HERTZ
                if heard_seconds >= _CHUNK_SECONDS:
                    spent = time.thread_time() - begun
                    rest(spent * (1 - SHARE) / SHARE)
                    begun, heard_seconds = time.thread_time(), 0.0
        except Unseekable:
            return None  # its beginning says little of the rest
        return meter.loudness()


def _excerpts(container: InputContainer, sound: av.AudioStream, file: RemoteFile) -> Iterator[Timed]:
    """The sound, or as much of it as is heard. Raises :class:`Unseekable`."""
    duration_ms = demux.length_ms(sound)
    if not duration_ms and container.duration:
        duration_ms = container.duration * 1000 / av.time_base
    if duration_ms <= HEARD_MS or not file.seekable():
        yield from _heard(container, sound, 0.0, float(HEARD_MS))
        return
    size = file.open().size
    if mp3.goes_by_share(container, size) and not mp3.reaches_its_end(container, sound, size or 0):
        raise Unseekable
    length_ms = HEARD_MS / EXCERPTS
    for number in range(EXCERPTS):
        begin_ms = duration_ms * number / EXCERPTS
        demux.seek(container, sound, int(begin_ms))
        sound.codec_context.flush_buffers()
        yield from _heard(container, sound, begin_ms, length_ms)


def _heard(container: InputContainer, sound: av.AudioStream, begin_ms: float, length_ms: float) -> Iterator[Timed]:
    with closing(demux.packets(container, sound)) as packets:
        pieces = demux.timed(packets, sound)
        wanted = takewhile(lambda piece: piece[0] < begin_ms + length_ms, pieces)
        for time_ms, frame in decoded_frames(wanted, sound.codec_context, demux.start_ms(sound)):
            if time_ms >= begin_ms:
                yield time_ms, frame


class _Meter:
    """48 kHz stereo ``flt`` in. The filter tells what it heard so far with the frames that it lets through."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(sample_rate=HERTZ, format="flt", layout="stereo", time_base=Fraction(1, HERTZ))
        meter = self._graph.add("ebur128", "metadata=1:peak=sample:framelog=quiet")
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()
        self._place = 0
        self._lufs = -math.inf
        self._peak = 0.0

    def hear(self, frame: av.AudioFrame) -> None:
        frame.pts = self._place
        frame.time_base = Fraction(1, HERTZ)
        self._place += frame.samples
        self._graph.push(frame)
        while True:
            try:
                told = self._graph.pull().metadata
            except (BlockingIOError, av.error.EOFError):
                return
            self._lufs = float(told["lavfi.r128.I"])
            self._peak = float(told["lavfi.r128.sample_peak"])

    def loudness(self) -> Loudness | None:
        """``None`` if nothing was loud enough to count."""
        if not self._lufs > _SILENT_LUFS or not self._peak > 0:
            return None
        return Loudness(round(self._lufs, 1), round(20 * math.log10(self._peak), 1))
