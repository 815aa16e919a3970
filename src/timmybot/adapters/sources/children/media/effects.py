"""What is done to samples between decoding and encoding: an FFmpeg filter graph made from a :class:`Sound`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
from av.filter import Graph

from timmybot.adapters.sources.ramp import RAMP_FRAMES, Ramp
from timmybot.ports.track_source import FRAME_MS, Effect, Sound

HERTZ = 48_000
SAMPLES = HERTZ * FRAME_MS // 1000

_EFFECTS: dict[Effect, tuple[tuple[str, str], ...]] = {
    Effect.NONE: (),
    Effect.BASS: (("bass", "gain=7:frequency=110:width_type=q:width=0.7"),),
    # Played faster or slower like a record: the samples stay and are said to be more or fewer a second.
    Effect.NIGHTCORE: (("asetrate", str(HERTZ * 125 // 100)), ("aresample", str(HERTZ))),
    Effect.SLOWED: (("asetrate", str(HERTZ * 80 // 100)), ("aresample", str(HERTZ))),
}
LIMITER = ("alimiter", "limit=0.97:attack=5:release=50:level=false:latency=true")


def applied(pcm: Iterator[av.AudioFrame], sound: Sound, ramp: Ramp | None, lead: int) -> Iterator[av.AudioFrame]:
    """48 kHz stereo ``flt`` in, the same out: filtered, and with ``ramp`` beginning ``lead`` samples in."""
    steps = _steps(sound, ramp, lead)
    if not steps:
        yield from pcm
        return
    graph = _graph(steps)
    place = 0
    for frame in pcm:
        frame.pts = place
        frame.time_base = Fraction(1, HERTZ)
        place += frame.samples
        graph.push(frame)
        yield from ready(graph)
    graph.push(None)
    yield from ready(graph)


def _steps(sound: Sound, ramp: Ramp | None, lead: int) -> list[tuple[str, str]]:
    steps = list(_EFFECTS[sound.effect])
    if sound.speed_percent != 100:
        steps.append(("atempo", str(sound.speed_percent / 100)))
    loudest = max(ramp.begin, ramp.end) if ramp else sound.amplitude
    if loudest != 1.0:
        steps.append(("volume", f"{loudest:.6f}:precision=float"))
    if ramp and ramp.begin != ramp.end:
        kind = "in" if ramp.end > ramp.begin else "out"
        quiet = min(ramp.begin, ramp.end) / loudest
        shape = f"start_sample={lead}:nb_samples={RAMP_FRAMES * SAMPLES}:curve=tri"
        steps.append(("afade", f"type={kind}:{shape}:silence={quiet:.6f}:unity=1"))
    if loudest > 1.0 or sound.effect is Effect.BASS:
        steps.append(LIMITER)
    return steps


def _graph(steps: list[tuple[str, str]]) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_abuffer(sample_rate=HERTZ, format="flt", layout="stereo", time_base=Fraction(1, HERTZ))
    shape = ("aformat", f"sample_fmts=flt:sample_rates={HERTZ}:channel_layouts=stereo")
    nodes = [source, *(graph.add(name, options) for name, options in [*steps, shape]), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    return graph


def ready(graph: Graph) -> Iterator[av.AudioFrame]:
    """What has come out of it by now."""
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame
