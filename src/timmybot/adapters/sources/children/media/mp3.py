"""Going to a place in a large MP3, which has no index.

FFmpeg reads every packet up to there, which is exact, and 48 MB for minute 20 at 320 kb/s. Or it goes to the same share
of the file as the place is of the sound: 128 KiB, and exact where all packets have one bit rate. Where they have not
it comes to another place and says that it is this one; and so it does where files were joined, of which the first says
its size. Hence the look at where it came to.

Source: FFmpeg, libavformat/mp3dec.c, ``mp3_seek``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Final

import av
from av.container import Flags, InputContainer

from timmybot.adapters.sources.children.media import demux

LARGE_BYTES: Final = 4 * 1024**2
"""What is smaller comes whole while one waits for it: some three seconds from a server that is 100 ms away."""

_SLACK: Final = 0.001
_SLACK_BYTES: Final = 4_096
"""Some packets: it looks for the next whole one."""


def goes_by_share(container: InputContainer, size: int | None) -> bool:
    """From here on go to places in a file of ``size`` bytes by their share of it, if it is a large MP3. Whether it is.

    Look at where that leads: :func:`came_there`, :func:`reaches_its_end`.
    """
    if container.format.name != "mp3" or size is None or size < LARGE_BYTES:
        return False
    container.flags |= Flags.fast_seek.value  # type: ignore[operator]  # a number, whatever its stub says
    return True


def came_there(begun: Sequence[av.Packet[av.AudioStream]], here: Sequence[av.Packet[av.AudioStream]]) -> bool:
    """Whether the packets ``here`` are at the time that they say, in a file that has ``begun`` so."""
    if not begun or not here or len({_rates(bytes(packet)) for packet in (*begun, *here)}) > 1:
        return False
    first, other = begun[0], here[0]
    if first.pts is None or first.pos is None or other.pts is None or other.pos is None:
        return False
    bytes_a_tick = sum(packet.size for packet in begun) / max(1, sum(packet.duration or 0 for packet in begun))
    due = bytes_a_tick * (other.pts - first.pts)
    return abs(other.pos - first.pos - due) <= _SLACK * due + _SLACK_BYTES


def reaches_its_end(container: InputContainer, sound: av.AudioStream, size: int) -> bool:
    """Whether what is near the sound's end is looked for near the file's. Leaves it there."""
    demux.seek(container, sound, int(demux.length_ms(sound) * 0.9))
    with closing(demux.packets(container, sound)) as packets:
        last = next(packets, None)
    return last is not None and last.pos is not None and last.pos > size / 2


def _rates(packet: bytes) -> bytes:
    """The parts of its head that say version, layer, bit rate and sample rate. Source: ISO/IEC 11172-3, 2.4.1.3."""
    return bytes((packet[1] & 0xFE, packet[2] & 0xFC)) if len(packet) > 2 else packet
