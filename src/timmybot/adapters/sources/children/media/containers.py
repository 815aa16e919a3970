"""Opening a fetched file as an audio container, with FFmpeg held on a short leash.

FFmpeg may open nothing itself (no protocol, no second file), takes only containers and codecs that music comes in,
looks at a bounded part of the file to find out what it is, and gets no large piece of memory.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import av
import av.error
from av.container import InputContainer
from av.stream import Discard

from timmybot.adapters.sources.children.media import channels
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.watched import WatchedFile
from timmybot.adapters.sources.refusal import Refusal, Refused

log = logging.getLogger(__name__)

FORMATS = "matroska,webm,ogg,mp3,aac,mov,mp4,m4a,flac,wav,w64,aiff,caf,wv,tta,au,ac3,eac3,asf"
"""Containers that hold sound. Not among them: anything that points elsewhere (hls, dash, concat) or is an image."""

CODECS = (
    *("opus", "libopus", "vorbis", "mp3", "mp3float", "mp2", "mp2float", "aac", "flac", "alac"),
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("wavpack", "tta", "ac3", "eac3", "speex", "wmav1", "wmav2", "wmapro", "wmalossless"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
)
"""Decoders, by FFmpeg's names. None for pictures: a cover in a music file stays unread."""

_AT_HOME: Final = frozenset({"tta"})
"""Codecs that are whole only in the format of their name: TTA's last frame is decoded by the length in its head, which
Matroska has no place for, and FFmpeg's guess of it is not right to the sample."""

_OPTIONS = {
    "format_whitelist": FORMATS,
    "codec_whitelist": ",".join(CODECS),
    "protocol_whitelist": "none",
    "probesize": "2000000",
    "formatprobesize": "200000",
    "analyzeduration": "5000000",
    "max_streams": "100",  # a film's pictures, sounds, texts and fonts; what they may cost: ``watched.py``
}
_IN_FRAGMENTS = {"fflags": "ignidx", "use_mfra_for": "pts"}
"""For MP4: do not go through all of the file to collect the pieces of its index, but look for a table of them at the
end. Source: FFmpeg, libavformat/mov.c."""
_LENGTH_UNTOLD = "timmybot_length_untold"
_BEGINS_BEHIND = "timmybot_begins_behind"
"""Kept among the decoder's options, where FFmpeg leaves what it does not know."""
_SMALL_BYTES = 4 * 1024**2
"""A file in fragments without such a table is gone through if it is no larger."""
_OTHERS = (
    *(b"MAC ", b"DSD ", b"FRM8", b".RMF", b"MPCK", b"MP+", b"OFR ", b"#!AMR", b"MThd", b"TAK", b"ADIF"),
    *(b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8", b"dX %", b"DTSHDHDR"),
    *(b"ajkg", b"qoaf", b"TWIN97012000", b"Creative Voice File"),
)
"""How files begin of Monkey's Audio, DSD, RealAudio, Musepack, OptimFROG, AMR, MIDI, TAK, ADIF, DTS (ETSI TS 102 114:
of 16 and 14 bits, and its extensions), Shorten, QOA, TwinVQ and Creative's Voice."""
_MLP_SYNCS = (b"\xf8\x72\x6f\xba", b"\xf8\x72\x6f\xbb")
_MLP_SYNC_PLACE = 4
"""TrueHD and MLP."""
_BUFFER_BYTES = 32 * 1024
_MOST_CHANNELS = 8
_MOST_HERTZ = 384_000

LARGEST_PIECE_BYTES: Final = 40 * 1024**2
"""The most memory that FFmpeg may ask for at a time. Ten hours of AAC at 48 kHz have an index of 38 MiB (24 bytes a
frame); beyond that there are only files that say they need more: 500 bytes of MP4 ask for an index of 2 GB, mid-file
too, and 2 MB for as much to be unpacked."""

TIGHT_BYTES: Final = 256 * 1024
"""How much may be read in a row between two packets of a format in ``_TIGHT``."""
_TIGHT: Final = frozenset({"aac", "ogg"})
"""Formats in which nothing but sound stands between packets, and in which FFmpeg takes in tags that come midway: all of
them at once, in quadratic time, without reading meanwhile. 256 KiB of them are four seconds of CPU, of which
the worker grants one, and 1 MiB is a minute. Large packets of FLAC fill several pages."""


@contextmanager
def opened(file: RemoteFile) -> Iterator[tuple[InputContainer, av.AudioStream]]:
    """The container in ``file`` and its sound, closed behind the caller.

    Raises :class:`Refused`, also for what goes wrong inside the ``with``.
    """
    file.in_a_row(None)
    watched = WatchedFile(file)
    if watched.begins_with(_OTHERS) or watched.begins_with(_MLP_SYNCS, _MLP_SYNC_PLACE):
        raise Refused(Refusal.UNKNOWN_FORMAT)
    with plain_errors(), _container(watched, file.open().size) as container:
        sound = _sound(container)
        if watched.fragmented and not watched.segmented:
            sound.codec_context.options = {**sound.codec_context.options, _LENGTH_UNTOLD: "1"}
        if watched.tag_bytes:
            sound.codec_context.options = {**sound.codec_context.options, _BEGINS_BEHIND: str(watched.tag_bytes)}
        hold_tight(file, container)
        yield container, sound


def hold_tight(file: RemoteFile, container: InputContainer) -> None:
    """Bound what may be read in a row from here on, where the format has nothing but sound. Not while FFmpeg seeks:
    it reads many pages of Ogg to find a place, and takes in no tags meanwhile."""
    file.in_a_row(TIGHT_BYTES if container.format.name in _TIGHT else None)


def tells_its_length(sound: av.AudioStream) -> bool:
    """Whether the length that FFmpeg says is that of the file, and not that of its first fragment."""
    return _LENGTH_UNTOLD not in sound.codec_context.options


def begins_behind(sound: av.AudioStream) -> int:
    """How many bytes of ID3 the file begins with."""
    return int(sound.codec_context.options.get(_BEGINS_BEHIND, "0"))


def _container(watched: WatchedFile, size: int | None) -> InputContainer:
    try:
        container = _open(watched, _IN_FRAGMENTS if watched.is_movie else {})
    except (Refused, av.error.FFmpegError) as error:
        if watched.lacks_its_index and not watched.seekable():
            raise Refused(Refusal.NO_SEEKING) from error
        raise
    if watched.fragmented and not watched.indexed and watched.seekable() and (size or _SMALL_BYTES) < _SMALL_BYTES:
        container.close()
        watched.seek(0)
        container = _open(watched, {})
        watched.segmented = True  # gone through: FFmpeg knows it all
    watched.opened()
    return container


def _open(file: WatchedFile, options: dict[str, str]) -> InputContainer:
    return av.open(
        file,
        mode="r",
        format="mov" if file.is_movie else None,  # else FFmpeg reads many tracks ahead to find that out
        options=_OPTIONS | options,
        metadata_errors="surrogateescape",
        buffer_size=_BUFFER_BYTES,
        io_open=_open_nothing,
    )


def hold_pieces_to(size: int) -> None:
    """Let FFmpeg, in all of this process, ask for ``size`` bytes of memory at a time and no more, and start no threads.

    PyAV does not hand these functions of FFmpeg's through, so they are called in the library that PyAV has loaded.
    Where that is not found (there is no Linux) nothing is bounded.
    """
    if sys.platform != "linux":
        return
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    path = next((line.split(maxsplit=5)[5] for line in maps.splitlines() if "/libavutil" in line), None)
    if path is None:
        log.warning("FFmpeg's library was not found: a damaged file may take much memory")
        return
    library = ctypes.CDLL(path)
    library.av_max_alloc(ctypes.c_size_t(size))
    library.av_cpu_force_count(ctypes.c_int(1))  # else FFmpeg starts a thread a core for each encoder's resampler


hold_pieces_to(LARGEST_PIECE_BYTES)  # before anything is opened, whoever opens it


@contextmanager
def plain_errors() -> Iterator[None]:
    """FFmpeg's errors as :class:`Refused`."""
    try:
        yield
    except (av.error.PatchWelcomeError, av.error.DecoderNotFoundError) as error:
        raise Refused(Refusal.UNKNOWN_FORMAT) from error
    except av.error.FFmpegError as error:
        raise Refused(Refusal.NO_AUDIO) from error


def _sound(container: InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise Refused(Refusal.NO_SOUND)
    sound = container.streams.best("audio")
    if not isinstance(sound, av.AudioStream) or sound.codec_context is None or sound.codec_context.name not in CODECS:
        raise Refused(Refusal.UNKNOWN_FORMAT)
    if sound.codec_context.name in _AT_HOME and sound.codec_context.name != container.format.name:
        raise Refused(Refusal.UNKNOWN_FORMAT)
    if not (1 <= channels.settle(sound) <= _MOST_CHANNELS and 1 <= sound.rate <= _MOST_HERTZ):
        raise Refused(Refusal.ODD_FORMAT)
    for stream in container.streams:
        if stream.index != sound.index:
            stream.discard = Discard.all
    return sound


def _open_nothing(url: str, flags: int, options: object) -> NoReturn:
    raise Refused(Refusal.POINTS_ELSEWHERE)
