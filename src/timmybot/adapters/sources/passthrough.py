"""Opus packets that are passed through as they are, as long as each is a frame of 20 ms."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from timmybot.adapters.sources.media_messages import Packet
from timmybot.adapters.sources.packets import are_frames, is_frame
from timmybot.ports.track_source import FRAME_MS


def in_frames(first: Sequence[Packet]) -> bool:
    """Whether a file that begins so can be sent as it is."""
    return bool(first) and are_frames([packet.data for packet in first])


def frames(runs: Iterator[Sequence[tuple[float, bytes]]]) -> Generator[list[bytes], None, int | None]:
    """The packets of ``runs``, as long as each is a frame.

    Returns ``None`` at the end; if a packet of another length comes, returns its position in milliseconds, from where
    the sound must be decoded.
    """
    for run in runs:
        frames = [data for _, data in run]
        if are_frames(frames):
            yield frames
            continue
        good = next(number for number, data in enumerate(frames) if not is_frame(data))
        if good:
            yield frames[:good]
        return round(run[good][0] / FRAME_MS) * FRAME_MS
    return None
