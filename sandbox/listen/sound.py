"""What was heard in each second, by the packets that reached a member.

A packet's place is told by its RTP timestamp, as a listener's jitter buffer goes by it: it may arrive late and still be
in its place. A stretch of packets is anchored where the promptest tenth of them arrived. Another stretch begins with
another SSRC, after the silence frames that end a sound, where the timestamps jump, and where nothing arrived for longer
than a jitter buffer holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import av
import numpy as np
from numpy.typing import NDArray

from sandbox.discord import Packet
from sandbox.discord.ear import channels_of, dominant_hz, new_decoder
from sandbox.discord.rtp import FRAME_SAMPLES, SAMPLE_RATE

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
SLOTS_A_SECOND = SAMPLE_RATE // FRAME_SAMPLES
LATE_SECONDS = 0.020
BUFFERED_SECONDS = 0.2
"""A packet that comes so much later than the one before it by their timestamps is not waited for."""
SILENT_BELOW_DBFS = -60.0
"""Per frame. Opus needs some frames after a loud one to become as silent as this."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Second:
    """One second of listening. ``hz`` and ``dbfs`` are ``None`` where it was silent from begin to end."""

    at_s: int
    """Seconds since the first sound."""
    hz: float | None
    """The strongest frequency in the louder channel."""
    dbfs: float | None
    """Root mean square of all channels over the frames that sound: a sine of full scale has -3.0."""
    gap_ms: int
    """How much of it was missing or silent, by frames of 20 ms."""
    late_frames: int
    """Frames that arrived more than 20 ms behind their place."""


@dataclass(frozen=True)
class Frame:
    """A decoded packet in its slot: 20 ms, counted from the first sound on."""

    slot: int
    is_late: bool
    samples: Samples
    """Of shape (channels, 960)."""


@dataclass(frozen=True)
class Heard:
    seconds: tuple[Second, ...]
    sounding_s: float
    """How much of it was not silent, in all."""


def heard(packets: Sequence[Packet], within_s: float | None = None, *, zero: float | None = None) -> Heard:
    """What one speaker's packets sound like, from the first frame of sound (or from ``zero``, on the clock of arrivals)
    to ``within_s`` seconds after it, or to the last frame."""
    frames = list(_frames(packets, zero))
    last = frames[-1].slot + 1 if frames else 0
    end = last if within_s is None or not frames else math.ceil(within_s * SLOTS_A_SECOND - 1e-9)
    rows: list[Second] = []
    sounding = 0
    by_second = {
        second: list(group)
        for second, group in groupby((f for f in frames if f.slot < end), lambda f: f.slot // SLOTS_A_SECOND)
    }
    for second in range(math.ceil(end / SLOTS_A_SECOND)):
        begin = second * SLOTS_A_SECOND
        row, sounds = _second(second, by_second.pop(second, []), min(SLOTS_A_SECOND, end - begin))
        sounding += sounds
        rows.append(row)
    return Heard(tuple(rows), round(sounding * FRAME_SECONDS, 2))


def _second(second: int, frames: Sequence[Frame], slots: int) -> tuple[Second, int]:
    """The row of a second, and how many of its ``slots`` sound."""
    sounding = [frame for frame in frames if _dbfs([frame.samples]) >= SILENT_BELOW_DBFS]
    hz = dbfs = None
    if sounding:
        dbfs = round(_dbfs([frame.samples for frame in sounding]), 1)
        hz = round(_strongest_hz(sounding, second * SLOTS_A_SECOND), 1)
    gap_ms = round((slots - len(sounding)) * FRAME_SECONDS * 1000)
    return Second(second, hz, dbfs, gap_ms, sum(frame.is_late for frame in frames)), len(sounding)


def _strongest_hz(frames: Sequence[Frame], first_slot: int) -> float:
    channels = max(len(frame.samples) for frame in frames)
    second = np.zeros((channels, SAMPLE_RATE), dtype=np.float32)
    for frame in frames:
        begin = (frame.slot - first_slot) * FRAME_SAMPLES
        second[: len(frame.samples), begin : begin + FRAME_SAMPLES] = frame.samples
    return dominant_hz(second[int(np.argmax(np.mean(second**2, axis=1)))])


def _dbfs(pieces: Sequence[Samples]) -> float:
    power = float(np.mean([np.mean(piece.astype(np.float64) ** 2) for piece in pieces]))
    return 10 * math.log10(power) if power > 0 else -math.inf


def _frames(packets: Sequence[Packet], zero: float | None) -> Iterator[Frame]:
    """Every packet's frames in their slots, in order; a slot is filled once. Silence frames fill none."""
    decoders: dict[int, av.AudioCodecContext] = {}
    free = 0
    for packet, at, is_late in _placed(packets):
        pieces = _decoded(decoders.setdefault(packet.ssrc, new_decoder()), packet.opus)
        if packet.is_silence:
            continue
        zero = at if zero is None else zero
        for number, piece in enumerate(pieces):
            slot = round((at - zero) * SLOTS_A_SECOND) + number
            if slot >= free:
                yield Frame(slot, is_late and not number, piece)
                free = slot + 1


def _decoded(decoder: av.AudioCodecContext, opus: bytes) -> list[Samples]:
    """20 ms each, of shape (channels, 960). What is not Opus sounds like nothing."""
    try:
        whole = np.concatenate([channels_of(frame) for frame in decoder.decode(av.Packet(opus))] or [], axis=1)
    except (av.FFmpegError, ValueError):
        return []
    return list(np.split(whole, range(FRAME_SAMPLES, whole.shape[1], FRAME_SAMPLES), axis=1))


def _placed(packets: Sequence[Packet]) -> Iterator[tuple[Packet, float, bool]]:
    """Each packet with the time of its place on the clock of arrivals, and whether it was late for it."""
    for stretch, came_late in _stretches(packets):
        first = stretch[0].timestamp
        places = [_signed(packet.timestamp - first) / SAMPLE_RATE for packet in stretch]
        offsets = [packet.at - place for packet, place in zip(stretch, places, strict=True)]
        # A sender's five silence frames come in one go: their arrival says nothing of its pace.
        paced = sorted(offset for packet, offset in zip(stretch, offsets, strict=True) if not packet.is_silence)
        anchor = paced[len(paced) // 10] if paced else offsets[0]
        for index, (packet, place, offset) in enumerate(zip(stretch, places, offsets, strict=True)):
            is_late = offset - anchor > LATE_SECONDS or (came_late and index == 0)
            yield packet, anchor + place, is_late


def _stretches(packets: Sequence[Packet]) -> Iterator[tuple[list[Packet], bool]]:
    """Stretches of packets that keep one pace, and whether each begins with a packet that was still awaited."""
    stretch: list[Packet] = []
    came_late = False
    for packet in packets:
        last = stretch[-1] if stretch else None
        if last is not None:
            passed = _signed(packet.timestamp - last.timestamp) / SAMPLE_RATE
            same = packet.ssrc == last.ssrc
            if same and -1.0 < passed <= 0:
                continue  # repeated or overtaken: a jitter buffer drops it
            ended = last.is_silence and not packet.is_silence
            stalled = packet.at - last.at - passed > BUFFERED_SECONDS
            if not same or ended or stalled or not 0 < passed < 1.0:
                yield stretch, came_late
                stretch, came_late = [], same and stalled and not last.is_silence and 0 < passed < 1.0
        stretch.append(packet)
    if stretch:
        yield stretch, came_late


def _signed(difference: int) -> int:
    """Of two 32-bit timestamps."""
    return (difference + 2**31) % 2**32 - 2**31
