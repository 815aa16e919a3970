"""Opening a fetched file as an audio container, with FFmpeg held on a short leash.

FFmpeg may open nothing itself (no protocol, no second file), takes only containers and codecs that music comes in, and
looks at a bounded part of the file to find out what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import av
import av.error
from av.container import InputContainer
from av.stream import Discard

from timmybot.adapters.sources.fetch import HttpFile
from timmybot.ports.track_source import TrackError

FORMATS = "matroska,webm,ogg,mp3,aac,mov,mp4,m4a,flac,wav,w64,aiff,caf"
"""Containers that hold sound. Not among them: anything that points elsewhere (hls, dash, concat) or is an image."""

CODECS = (
    *("opus", "libopus", "vorbis", "mp3", "mp3float", "mp2", "mp2float", "aac", "flac", "alac"),
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
)
"""Decoders, by FFmpeg's names. None for pictures: a cover in a music file stays unread."""

_OPTIONS = {
    "format_whitelist": FORMATS,
    "codec_whitelist": ",".join(CODECS),
    "protocol_whitelist": "none",
    "probesize": "2000000",
    "formatprobesize": "200000",
    "analyzeduration": "5000000",
    "max_streams": "64",
}
_BUFFER_BYTES = 32 * 1024
_MOST_CHANNELS = 8
_MOST_HERTZ = 384_000


@contextmanager
def opened(file: HttpFile) -> Iterator[tuple[InputContainer, av.AudioStream]]:
    """The container in ``file`` and its sound, closed behind the caller.

    Raises :class:`TrackError` in a sentence for the member, also for what goes wrong inside the ``with``.
    """
    _check_answer(file)
    with (
        plain_errors(),
        av.open(
            file,
            mode="r",
            options=_OPTIONS,
            metadata_errors="replace",
            buffer_size=_BUFFER_BYTES,
            io_open=_open_nothing,
        ) as container,
    ):
        yield container, _sound(container)


@contextmanager
def plain_errors() -> Iterator[None]:
    """FFmpeg's errors as a :class:`TrackError`, in a sentence for the member."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise TrackError(
            "There is no audio at that address that I can play, or the file is damaged. "
            "Give a direct link to an audio file."
        ) from error


def _sound(container: InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise TrackError("The file at that address has no sound in it.")
    sound = container.streams.best("audio")
    if not isinstance(sound, av.AudioStream) or sound.codec_context is None or sound.codec_context.name not in CODECS:
        raise TrackError("The sound at that address is in a format that I do not know. MP3, AAC, Opus and FLAC work.")
    if not (1 <= sound.channels <= _MOST_CHANNELS and 1 <= sound.rate <= _MOST_HERTZ):
        raise TrackError("The sound at that address is damaged: its format makes no sense.")
    for stream in container.streams:
        if stream.index != sound.index:
            stream.discard = Discard.all
    return sound


def _check_answer(file: HttpFile) -> None:
    answer = file.open()
    if answer.size == 0:
        raise TrackError("The file at that address is empty.")
    kind = answer.content_type
    if "html" in kind:
        what = "it is a web page"
    elif "mpegurl" in kind or kind.endswith(("scpls", "xspf+xml", "dash+xml")):
        what = "it is a playlist"
    elif kind.startswith(("text/", "image/")) or kind.endswith(("json", "xml")):
        what = "it is something else"
    else:
        return
    raise TrackError(f"There is no audio at that address: {what} ({kind[:60]}). Give a direct link to an audio file.")


def _open_nothing(url: str, flags: int, options: object) -> NoReturn:
    raise TrackError("The file at that address points to other files, and I do not follow it there.")
