"""What is at a URL: its title, its duration, and how it will be played."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import av
from av.container import InputContainer

from timmybot.adapters.sources.containers import INDEX_AT_THE_END, opened
from timmybot.adapters.sources.demux import LOOKED_AT, in_frames, packets, plain_opus, start_ms, timed
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.lengths import duration_ms
from timmybot.adapters.sources.transcode import decoded_frames
from timmybot.domain.track import TITLE_LIMIT, Track
from timmybot.ports.track_source import TrackError

_ZERO_WIDTH_JOINER = "\u200d"  # holds emoji together; the other format characters reorder or hide text


def probe(file: HttpFile, url: str) -> Track:
    """Look at the file and hear whether it sounds. Raises :class:`TrackError`. Waits on the network."""
    with ExitStack() as stack:
        with file.awaited():  # FFmpeg may compute for long over hostile tags, and cannot be stopped meanwhile
            container, sound = stack.enter_context(opened(file))
        title = title_of(_tags(container, sound), file.open().url)
        source = packets(container, sound)
        first = list(islice(source, LOOKED_AT))
        decoded = decoded_frames(timed(chain(first, source), sound), sound.codec_context, start_ms(sound))
        if not (plain_opus(container, sound) and in_frames(first)) and not any(decoded):
            if "mov" in container.format.name and not file.seekable():
                raise TrackError(INDEX_AT_THE_END)
            raise TrackError("The file at that address is damaged: there is nothing to hear in it.")
        length_ms = duration_ms(container, sound, file, first, source)
    return Track(url, title, length_ms)


def _tags(container: InputContainer, sound: av.AudioStream) -> dict[str, str]:
    """Of Matroska's, what is said of the track is left out: its title is "Stereo", or a language."""
    return {**({} if "matroska" in container.format.name else sound.metadata), **container.metadata}


def title_of(metadata: Mapping[str, str], url: str) -> str:
    """The title in the file, with its artist, else the file's name, else the host's; never empty."""
    tags = {name.lower(): printable(_read(value)) for name, value in metadata.items()}
    title, artist = tags.get("title", ""), tags.get("artist", "")
    parts = urlsplit(url)
    title = f"{artist} – {title}" if title and artist else title
    title = title or printable(PurePosixPath(unquote(parts.path)).stem) or parts.netloc
    return title[:TITLE_LIMIT]


def _read(value: str) -> str:
    """A tag that is no UTF-8, as Windows' programs write them into WAV and ID3v1."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return value


def printable(text: str) -> str:
    """``text`` on one line, without control and format characters."""
    kept = (" " if c.isspace() else c for c in text)
    visible = "".join(c for c in kept if c == _ZERO_WIDTH_JOINER or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())
