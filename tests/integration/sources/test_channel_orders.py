"""Files with many channels, or with few in an unusual order, play with every channel on its side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from tests.integration.sources import orders
from tests.integration.sources.hearing import HERTZ, drain, loudest_hz
from tests.integration.sources.media_server import MediaServer, content
from tests.integration.sources.orders import FC, FL, FR, LFE, SL, SR
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.track import Track
from timmybot.ports.track_source import Sound

ROOT = Path(__file__).parents[3]
FILES = Path(__file__).parent / "files"
LEFT, RIGHT, OFF = 440.0, 660.0, 0.0

SIDES = {
    "stereo told as right, left": orders.caf([FR, FL], [RIGHT, LEFT]),
    "5.1 with the centre first": orders.caf([FC, FL, FR, SL, SR, LFE], [OFF, LEFT, RIGHT, OFF, OFF, OFF]),
    "5.1 with the sides first": orders.caf([SL, SR, FC, FR, FL, LFE], [LEFT, RIGHT, OFF, OFF, OFF, OFF]),
    "AIFF in the order of AAC": orders.aiff(124 << 16 | 6, [OFF, LEFT, RIGHT, OFF, OFF, OFF]),
}


def both_sides(packets: list[bytes]) -> NDArray[np.float32]:
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = HERTZ, "stereo"
    parts = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate(parts, axis=1).astype(np.float32).reshape(-1, 2).T


def share_of(hz: float, sound: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / HERTZ) - hz) < 10
    return float(np.square(spectrum[near]).sum() / np.square(spectrum).sum())


@pytest.mark.parametrize("order", SIDES)
@pytest.mark.parametrize("volume_percent", [100, 50])
async def test_every_channel_is_heard_on_its_side(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, order: str, volume_percent: int
) -> None:
    url = server.serve("/tune", content(SIDES[order]))
    await source.resolve(url)
    stream = source.open(Track(url), position_ms=0, sound=Sound(volume_percent=volume_percent))

    left, right = both_sides(drain(stream, filling))[:, 9_600:60_000]

    assert stream.failure is None
    assert share_of(LEFT, left) > 0.9
    assert share_of(RIGHT, right) > 0.9


@pytest.mark.parametrize("tag", orders.APPLE_TAGS)
@pytest.mark.parametrize("kind", ["CAF", "AIFF"])
async def test_every_layout_of_apples_is_heard(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, tag: str, kind: str
) -> None:
    number, count = orders.APPLE_TAGS[tag]
    tones = [LEFT] * count
    data = orders.caf([], tones, 0.5, tag=number) if kind == "CAF" else orders.aiff(number, tones, 0.5)
    url = server.serve("/tune", content(data))

    track = await source.resolve(url)
    heard = drain(source.open(Track(url), position_ms=0), filling)

    assert track.duration_ms == 500
    assert len(heard) * 20 == pytest.approx(500, abs=40)


@pytest.mark.parametrize("name", ["surround71.m4a", "surround71.ogg", "surround71.opus"])
@pytest.mark.parametrize("position_ms", [0, 1_000])
@pytest.mark.parametrize("volume_percent", [100, 50])
async def test_eight_planar_channels_are_heard(
    *,
    source: HttpTrackSource,
    server: MediaServer,
    filling: FillingThreads,
    name: str,
    position_ms: int,
    volume_percent: int,
) -> None:
    url = server.serve("/tune", content((FILES / name).read_bytes()))

    track = await source.resolve(url)
    stream = source.open(Track(url), position_ms=position_ms, sound=Sound(volume_percent=volume_percent))
    heard = drain(stream, filling)

    assert stream.failure is None
    assert track.duration_ms == pytest.approx(2_000, abs=60)
    assert len(heard) * 20 == pytest.approx(2_000 - position_ms, abs=60)
    left = both_sides(heard)[0]
    assert loudest_hz(left[9_600:38_400]) == pytest.approx(300 + 20 * (position_ms // 1_000), abs=3)


CHILD = """
import sys, gc, io
from tests.integration.sources import orders
from tests.integration.sources.test_channel_orders import SIDES
from timmybot.adapters.sources.children.media import channels, containers, transcode, demux
import av
for number in range(int(sys.argv[1])):
    for data in SIDES.values():
        with av.open(io.BytesIO(data), metadata_errors="replace") as container:
            sound = containers._sound(container) if sys.argv[2] == "settled" else container.streams.audio[0]
            packets = demux.timed(demux.packets(container, sound), sound)
            frames = transcode.decoded_frames(packets, sound.codec_context, 0.0)
            for _ in range(3):
                next(frames)
            if sys.argv[2] != "settled":
                sound.channels
    gc.collect()
print("lives")
"""


@pytest.mark.parametrize("kind", ["settled", "unsettled"])
def test_unusual_orders_do_not_free_memory_twice(kind: str) -> None:
    """With the negative control: PyAV alone ends the process. The C library tells a double free with MALLOC_CHECK_."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, "50" if kind == "settled" else "1", kind],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (child.returncode == 0 and "lives" in child.stdout) == (kind == "settled"), child.stderr[-2_000:]


THREADS_CHILD = """
import ctypes, sys, threading
from pathlib import Path
from timmybot.adapters.sources.children.media import containers, opus_encoder, transcode
from timmybot.ports.track_source import AS_IT_IS, Sound
from tests.unit.sources.test_channels import sounding
opus_encoder._LIBRARY = None  # libopus itself starts none: FFmpeg's wrapper does
if sys.argv[1] == "unforced":
    maps = Path("/proc/self/maps").read_text()
    path = next(line.split(maxsplit=5)[5] for line in maps.splitlines() if "/libavutil" in line)
    ctypes.CDLL(path).av_cpu_force_count(4)
sounds = (AS_IT_IS, Sound(volume_percent=50)) * 10
streams = [transcode.frames(sounding("5.1"), 0.0, sound, None, lambda: 5) for sound in sounds]
for stream in streams:
    next(stream)
print(len(list(Path("/proc/self/task").iterdir())))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_twenty_transcoded_streams_start_no_threads() -> None:
    """With the negative control, in which FFmpeg believes that there are four cores."""
    threads = {}
    for kind in ("forced", "unforced"):
        child = subprocess.run(
            [sys.executable, "-c", THREADS_CHILD, kind],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        threads[kind] = int(child.stdout)

    assert threads["forced"] == 1
    assert threads["unforced"] > 20
