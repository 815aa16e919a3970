"""Sound of any rate and any channels brought to 48 kHz stereo, as loud as it is meant to be.

FFmpeg's own way of it is right for two channels only: one goes to both sides 3 dB quieter than Discord's listeners hear
mono Opus, and six add up to more than there is room for, which is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
from av.filter import Graph

from timmybot.adapters.sources.children.media.channels import to_stereo
from timmybot.adapters.sources.children.media.effects import HERTZ, LIMITER, ready

_SAMPLES: Final = f"sample_fmts=flt:sample_rates={HERTZ}"
_STEREO: Final = ("aformat", f"{_SAMPLES}:channel_layouts=stereo")
_MONO: Final = ("aformat", f"{_SAMPLES}:channel_layouts=mono")
_ON_BOTH_SIDES: Final = ("pan", "stereo|c0=c0|c1=c0")


def resampled(sound: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """48 kHz stereo ``flt``, of any length; a file may change its format on the way, and a graph knows only one."""
    graph: Graph | None = None
    kind: object = None
    place = 0
    for frame in sound:
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            yield from _rest(graph)
            graph, place = _graph(frame), 0
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        assert graph is not None
        frame.pts, frame.time_base = place, Fraction(1, frame.sample_rate)
        place += frame.samples
        graph.push(frame)
        yield from ready(graph)
    yield from _rest(graph)


def _rest(graph: Graph | None) -> Iterator[av.AudioFrame]:
    if graph is not None:
        graph.push(None)
        yield from ready(graph)


def _graph(frame: av.AudioFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        layout=frame.layout.name,
        time_base=Fraction(1, frame.sample_rate),
    )
    mix = to_stereo(frame.layout.name)
    match frame.layout.nb_channels:
        case _ if mix is not None:
            steps = [("pan", mix), LIMITER, _STEREO]
        case 1:
            steps = [_MONO, _ON_BOTH_SIDES]
        case 2:
            steps = [_STEREO]
        case _:
            steps = [_STEREO, LIMITER, _STEREO]  # the limiter hands on another format than it is given
    nodes = [source, *(graph.add(name, options) for name, options in steps), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    return graph
