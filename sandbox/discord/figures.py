"""How well a bot kept time: packets late, lost and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sandbox.discord.rtp import SAMPLE_RATE, Packet


@dataclass(frozen=True)
class PlayFigures:
    """Figures of one play. Lateness is the distance of an arrival from its slot, early or late alike."""

    packets: int
    first_packet_after_seconds: float | None
    """From the command to the first packet; ``None`` without a packet or a command."""
    late_over_10_ms: int
    late_over_20_ms: int
    worst_late_ms: float
    lost: int
    """Sequence numbers that never came."""
    duplicated: int
    """Sequence numbers that came again."""


def measure(packets: Sequence[Packet], *, since: float | None = None) -> PlayFigures:
    """Figures of what one speaker sent from ``since`` (monotonic seconds) on; a command's is ``shown.asked_at``.

    A slot is where a packet belongs by its RTP timestamp, from the start that fits best (the median). A stretch ends
    with its silence frames or its SSRC: a pause makes nothing late.
    """
    taken = [packet for packet in packets if since is None or packet.at >= since]
    off = [abs(late) for stretch in _stretches(taken) for late in _lateness(stretch)]
    lost, duplicated = _gaps(taken)
    return PlayFigures(
        len(taken),
        taken[0].at - since if taken and since is not None else None,
        sum(late > 0.010 for late in off),
        sum(late > 0.020 for late in off),
        round(max(off, default=0.0) * 1000, 2),
        lost,
        duplicated,
    )


def _stretches(packets: Sequence[Packet]) -> list[list[Packet]]:
    stretches: list[list[Packet]] = []
    last: Packet | None = None
    for packet in packets:
        if last is None or packet.ssrc != last.ssrc or (last.is_silence and not packet.is_silence):
            stretches.append([])
        # A client sends its five silence frames in one go: their slots say nothing.
        if not packet.is_silence:
            stretches[-1].append(packet)
        last = packet
    return [stretch for stretch in stretches if stretch]


def _lateness(stretch: Sequence[Packet]) -> list[float]:
    first = stretch[0].timestamp
    starts = [packet.at - _signed(packet.timestamp - first, 32) / SAMPLE_RATE for packet in stretch]
    best = median(starts)
    return [start - best for start in starts]


def _gaps(packets: Sequence[Packet]) -> tuple[int, int]:
    lost = duplicated = 0
    for ssrc in {packet.ssrc for packet in packets}:
        numbers: list[int] = []
        for packet in packets:
            if packet.ssrc == ssrc:
                last = numbers[-1] if numbers else packet.sequence
                numbers.append(last + _signed(packet.sequence - last, 16))
        distinct = set(numbers)
        lost += max(distinct) - min(distinct) + 1 - len(distinct)
        duplicated += len(numbers) - len(distinct)
    return lost, duplicated


def _signed(difference: int, bits: int) -> int:
    """A difference of counters that wrap, taken as the shorter way round."""
    half = 1 << bits - 1
    return (difference + half) % (1 << bits) - half
