"""What an Opus packet says of itself. Source: RFC 6716, section 3.1 (the TOC byte) and 3.2 (frame packing)."""

from __future__ import annotations

from collections.abc import Sequence

from timmybot.ports.track_source import FRAME_MS

SILENCE = b"\xf8\xff\xfe"
"""A frame of it. Source: Discord, Voice Connections, "Voice Data Interpolation"."""


class Unexpected(Exception):
    """A file does not look as files of its kind do. What was asked for before has been given."""


_SILK_MS = (10.0, 20.0, 40.0, 60.0)
_HYBRID_MS = (10.0, 20.0)
_CELT_MS = (2.5, 5.0, 10.0, 20.0)


def duration_ms(packet: bytes) -> float:
    """How long the packet sounds, in milliseconds; 0 if it is no Opus packet."""
    if not packet:
        return 0.0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK_MS[config % 4]
    elif config < 16:
        frame = _HYBRID_MS[config % 2]
    else:
        frame = _CELT_MS[config % 4]
    return frame * _frame_count(code, packet)


def _frame_count(code: int, packet: bytes) -> int:
    if code == 0:
        return 1
    if code in (1, 2):
        return 2
    return packet[1] & 0x3F if len(packet) > 1 else 0


_FRAME_BYTES = frozenset(toc for toc in range(256) if toc & 3 != 3 and duration_ms(bytes([toc])) == FRAME_MS)
"""First bytes that settle it: all but those of packets that say in a second byte how many frames they hold."""

FRAME_HEADS = frozenset(bytes([toc]) for toc in _FRAME_BYTES)
"""The same, as ``packet[:1]``."""


def is_frame(packet: bytes) -> bool:
    """Whether the packet can be sent as it is: it sounds for exactly one frame."""
    return bool(packet) and (packet[0] in _FRAME_BYTES or duration_ms(packet) == FRAME_MS)


def are_frames(packets: Sequence[bytes]) -> bool:
    """Whether every one of the packets can be sent as it is."""
    return FRAME_HEADS.issuperset([packet[:1] for packet in packets]) or all(map(is_frame, packets))


def plain_stereo(head: bytes | None) -> bool:
    """Whether ``head`` (OpusHead) describes sound that any Opus decoder plays right from the packets alone.

    Not so with more than two channels or another mapping (several streams in a packet), nor with an output gain, which
    a decoder is told outside the packets. Source: RFC 7845, section 5.1.
    """
    if head is None or len(head) < 19 or not head.startswith(b"OpusHead"):
        return False
    channels, gain, mapping = head[9], head[16:18], head[18]
    return channels in (1, 2) and gain == b"\0\0" and mapping == 0
