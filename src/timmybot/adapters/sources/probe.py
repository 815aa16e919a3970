"""What is at a URL: its title, its duration, and how it will be played."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain, islice

import av
from av.container import InputContainer

from timmybot.adapters.sources.containers import opened
from timmybot.adapters.sources.demux import LOOKED_AT, in_frames, packets, plain_opus, start_ms, timed
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.naming import title_of
from timmybot.adapters.sources.transcode import decoded_frames
from timmybot.domain.track import Track
from timmybot.ports.track_source import TrackError

LONGEST_MS = 7 * 24 * 3600 * 1000
"""A duration past this is a damaged header, not music."""


def probe(file: HttpFile, url: str) -> Track:
    """Look at the file and hear whether it sounds. Raises :class:`TrackError`. Waits on the network."""
    with ExitStack() as stack:
        with file.awaited():  # FFmpeg may compute for long over hostile tags, and cannot be stopped meanwhile
            container, sound = stack.enter_context(opened(file))
        title = title_of({**sound.metadata, **container.metadata}, url, file.open().url, file.open().told)
        duration_ms = _duration_ms(container, sound, sized=file.open().size is not None)
        source = packets(container, sound)
        first = list(islice(source, LOOKED_AT))
        decoded = decoded_frames(timed(chain(first, source), sound), sound.codec_context, start_ms(sound))
        if not (plain_opus(container, sound) and in_frames(first)) and not any(decoded):
            raise TrackError("The file at that address is damaged: there is nothing to hear in it.")
    return Track(url, title, duration_ms)


def _duration_ms(container: InputContainer, sound: av.AudioStream, *, sized: bool) -> int | None:
    """``None`` when the file does not say, or when it has no end that anyone could know."""
    if sound.duration is not None and sound.time_base is not None:
        milliseconds = round(float(sound.duration * sound.time_base) * 1000)
    elif container.duration is not None and sized:
        milliseconds = round(container.duration * 1000 / av.time_base)
    else:
        return None
    return milliseconds if 0 < milliseconds <= LONGEST_MS else None
