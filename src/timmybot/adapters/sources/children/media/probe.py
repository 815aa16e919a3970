"""What a file is: its title, its duration, and whether there is anything to hear in it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Final

import av
from av.container import InputContainer

from timmybot.adapters.sources.children.media.containers import opened
from timmybot.adapters.sources.children.media.demux import first_of, packets, plain_opus, start_ms, timed
from timmybot.adapters.sources.children.media.lengths import duration_ms
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.transcode import decoded_frames
from timmybot.adapters.sources.packets import are_frames
from timmybot.adapters.sources.refusal import Refusal, Refused

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
        tags = {name.lower(): decoded_tag(value) for name, value in _tags(container, sound).items()}
        source = packets(container, sound)
        first = first_of(source, file.grant)
        through = plain_opus(container, sound) and first and are_frames([bytes(packet) for packet in first])
        decoded = decoded_frames(timed(chain(first, source), sound), sound.codec_context, start_ms(sound))
        if not through and not any(decoded):
            at_its_end = "mov" in container.format.name and not file.seekable()  # where its index is
            raise Refused(Refusal.NO_SEEKING if at_its_end else Refusal.SILENT)
        length_ms = duration_ms(container, sound, file, first, source)
    return Found(tags.get("title", "")[:_TAG_LIMIT], tags.get("artist", "")[:_TAG_LIMIT], length_ms)


def _tags(container: InputContainer, sound: av.AudioStream) -> dict[str, str]:
    """Of Matroska's, what is said of the track is left out: its title is "Stereo", or a language."""
    return {**({} if "matroska" in container.format.name else sound.metadata), **container.metadata}


def decoded_tag(value: str) -> str:
    """A tag that is no UTF-8, as Windows' programs write them into WAV and ID3v1."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return value
