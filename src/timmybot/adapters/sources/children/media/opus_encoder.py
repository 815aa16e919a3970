"""libopus, called directly: its complexity can be changed between two frames, without a seam.

FFmpeg's wrapper reads the complexity once, when it opens the encoder. The library is the one that FFmpeg has loaded;
where it is not found, FFmpeg's wrapper encodes at full complexity.

Source: opus_encoder.h and opus_defines.h of libopus 1.6; RFC 6716.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Final, Protocol

import av
from av.audio.codeccontext import AudioCodecContext

from timmybot.adapters.sources.children.media.effects import HERTZ, SAMPLES
from timmybot.ports.track_source import FRAME_MS

BITS_PER_SECOND: Final = 128_000
"""Transparent for stereo music, and what a voice channel carries without a boost or above it."""

FULL_COMPLEXITY: Final = 10

ENCODER_DELAY: Final = 312
"""How many samples later than they went in samples come out of libopus at 48 kHz: 6.5 ms. Source: RFC 7845,
section 5.1.1, and what ``OPUS_GET_LOOKAHEAD`` says."""

_CHANNELS: Final = 2
_APPLICATION_AUDIO: Final = 2049
_SET_BITRATE, _SET_VBR, _SET_COMPLEXITY, _SET_VBR_CONSTRAINT = 4002, 4006, 4010, 4020
_LONGEST: Final = 1_500
_FRAME_BYTES: Final = SAMPLES * _CHANNELS * 4


class Encoder(Protocol):
    """Used by one thread."""

    def encode(self, frame: av.AudioFrame, complexity: int) -> list[bytes]:
        """The packets that 20 ms of 48 kHz stereo ``flt`` complete; the last frame may be shorter."""
        ...

    def rest(self) -> list[bytes]:
        """The packets of what was given before and is not sent yet."""
        ...


def new_encoder() -> Encoder:
    return LibopusEncoder(_LIBRARY) if _LIBRARY is not None else FfmpegEncoder()


class LibopusEncoder:
    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        error = ctypes.c_int()
        self._encoder = library.opus_encoder_create(HERTZ, _CHANNELS, _APPLICATION_AUDIO, ctypes.byref(error))
        if not self._encoder:
            raise MemoryError("no encoder")
        for request, value in ((_SET_BITRATE, BITS_PER_SECOND), (_SET_VBR, 1), (_SET_VBR_CONSTRAINT, 0)):
            library.opus_encoder_ctl(self._encoder, request, ctypes.c_int(value))
        self._complexity: int | None = None
        self._packet = ctypes.create_string_buffer(_LONGEST)
        self._owes = False

    def encode(self, frame: av.AudioFrame, complexity: int) -> list[bytes]:
        if complexity != self._complexity:
            self._library.opus_encoder_ctl(self._encoder, _SET_COMPLEXITY, ctypes.c_int(complexity))
            self._complexity = complexity
        self._owes = frame.samples + ENCODER_DELAY > SAMPLES
        if frame.samples == SAMPLES:
            return [self._encoded(ctypes.c_void_p(frame.planes[0].buffer_ptr))]
        padded = bytes(frame.planes[0])[: frame.samples * _CHANNELS * 4].ljust(_FRAME_BYTES, b"\0")
        return [self._encoded(padded)]

    def rest(self) -> list[bytes]:
        owes, self._owes = self._owes, False
        return [self._encoded(bytes(_FRAME_BYTES))] if owes else []

    def _encoded(self, samples: object) -> bytes:
        length = self._library.opus_encode_float(self._encoder, samples, SAMPLES, self._packet, _LONGEST)
        if length <= 0:
            raise ValueError(f"libopus refused a frame ({length})")
        return ctypes.string_at(self._packet, length)

    def __del__(self) -> None:
        encoder, self._encoder = getattr(self, "_encoder", None), None
        if encoder:
            self._library.opus_encoder_destroy(encoder)


class FfmpegEncoder:
    """FFmpeg's wrapper around libopus, whose complexity stays."""

    def __init__(self) -> None:
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(encoder, AudioCodecContext)
        encoder.sample_rate = HERTZ
        encoder.layout = "stereo"
        encoder.format = "flt"
        encoder.bit_rate = BITS_PER_SECOND
        encoder.options = {"frame_duration": str(FRAME_MS), "application": "audio"}
        self._encoder = encoder

    def encode(self, frame: av.AudioFrame, complexity: int) -> list[bytes]:
        return [bytes(packet) for packet in self._encoder.encode(frame)]

    def rest(self) -> list[bytes]:
        return [bytes(packet) for packet in self._encoder.encode(None)]


def _library() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    path = next((line.split(maxsplit=5)[5] for line in maps.splitlines() if "/libopus" in line), None)
    if path is None:
        return None
    library = ctypes.CDLL(path)
    library.opus_encoder_create.restype = ctypes.c_void_p
    library.opus_encoder_create.argtypes = (ctypes.c_int32, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    library.opus_encoder_ctl.argtypes = (ctypes.c_void_p, ctypes.c_int)
    library.opus_encoder_destroy.argtypes = (ctypes.c_void_p,)
    library.opus_encoder_destroy.restype = None
    library.opus_encode_float.argtypes = (
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32),
    )
    library.opus_encode_float.restype = ctypes.c_int32
    return library


_LIBRARY: Final = _library()
