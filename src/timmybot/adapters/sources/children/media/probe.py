"""What a file is: its title, its duration, and whether there is anything to hear in it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import av
from av.container import InputContainer

from timmybot.adapters.sources.children.media.containers import opened
from timmybot.adapters.sources.children.media.demux import LOOKED_AT, packets, plain_opus, start_ms, timed
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.transcode import decoded_frames
from timmybot.adapters.sources.packets import are_frames
from timmybot.adapters.sources.refusal import Refusal, Refused

LONGEST_MS: Final = 7 * 24 * 3600 * 1000
"""A duration past this is a damaged header, not music."""

_TAG_LIMIT: Final = 2_000
"""Characters. A title of more is cut anyway."""


@dataclass(frozen=True)
class Found:
    """What the file says of itself. The tags are as they are written there, or empty."""

    title: str
    artist: str
    duration_ms: int | None


def probe(file: RemoteFile) -> Found:
    """Look at the file and hear whether it sounds. Raises :class:`Refused`."""
    with ExitStack() as stack:
        container, sound = stack.enter_context(opened(file))
        tags = {name.lower(): value for name, value in {**sound.metadata, **container.metadata}.items()}
        duration_ms = _duration_ms(container, sound, sized=file.open().size is not None)
        source = packets(container, sound)
        first = list(islice(source, LOOKED_AT))
        through = plain_opus(container, sound) and first and are_frames([bytes(packet) for packet in first])
        decoded = decoded_frames(timed(chain(first, source), sound), sound.codec_context, start_ms(sound))
        if not through and not any(decoded):
            raise Refused(Refusal.SILENT)
    return Found(tags.get("title", "")[:_TAG_LIMIT], tags.get("artist", "")[:_TAG_LIMIT], duration_ms)


def _duration_ms(container: InputContainer, sound: av.AudioStream, *, sized: bool) -> int | None:
    """``None`` when the file does not say, or when it has no end that anyone could know."""
    if sound.duration is not None and sound.time_base is not None:
        milliseconds = round(float(sound.duration * sound.time_base) * 1000)
    elif container.duration is not None and sized:
        milliseconds = round(container.duration * 1000 / av.time_base)
    else:
        return None
    return milliseconds if 0 < milliseconds <= LONGEST_MS else None
