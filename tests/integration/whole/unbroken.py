"""Whether what a listener was sent is in one piece: by what the packets say of themselves, never by when they came.

A sender that has nothing to send marks it with frames of silence (Discord, Voice Connections, "Voice Data
Interpolation"). A sender that was stalled with its machine leaves slots out and marks nothing but the time stamps: that
tells of the machine, and the pacer does it to all guilds alike. So a guild in which nothing happens stands beside the
one in which something does, and says which slots the machine took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import av
import numpy as np

from sandbox.discord import Packet
from sandbox.discord.rtp import FRAME_SAMPLES

FADED = 0.5
"""A fade's last 5 ms are below this share of what sounded before: its ramp goes to nothing."""
_END_SAMPLES, _BEFORE_SAMPLES = 240, 9_600


@dataclass(frozen=True)
class Breaks:
    """What is missing in a row of packets from one speaker."""

    silent: int
    """Frames of silence: for as many slots there was no sound."""
    strange: int
    """Packets that do not follow the one before by their number, or come of another SSRC."""
    empty_slots: int
    """Slots between two packets, by their time stamps, in which nothing was sent."""


def breaks(packets: Sequence[Packet]) -> Breaks:
    strange = empty = 0
    for before, after in pairwise(packets):
        passed = (after.timestamp - before.timestamp) & 0xFFFFFFFF
        in_order = after.ssrc == before.ssrc and after.sequence == (before.sequence + 1) & 0xFFFF
        if in_order and passed and not passed % FRAME_SAMPLES:
            empty += passed // FRAME_SAMPLES - 1
        else:
            strange += 1
    return Breaks(sum(packet.is_silence for packet in packets), strange, empty)


def share_at_the_end(packets: Sequence[Packet]) -> float:
    """How loud the last 5 ms of sound are, as a share of the 200 ms up to a fifth of a second before them."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 48_000, "stereo"
    pieces = [
        frame.to_ndarray().astype(np.float64) for each in packets for frame in decoder.decode(av.Packet(each.opus))
    ]
    samples = np.concatenate([piece.reshape(-1, 2).mean(axis=1) for piece in pieces])
    end, before = samples[-_END_SAMPLES:], samples[-2 * _BEFORE_SAMPLES : -_BEFORE_SAMPLES]
    return float(np.sqrt(np.mean(end**2)) / np.sqrt(np.mean(before**2)))
