"""The channels of a file's sound: how many they are, and FFmpeg's native order for them.

A file may list its channels in an order of its own (CAF, AIFF, MOV). FFmpeg keeps such an order in a map on the heap,
and PyAV's ``AudioLayout`` frees this map, which FFmpeg frees too: reading ``codec_context.layout`` or decoding one
frame ends the process some time later (PyAV issue 2284). So the muxer ``framecrc`` tells the order in words, the
decoder is given the native order of the same channels before it is opened, and its frames are put in order.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import av
from av.audio.codeccontext import AudioCodecContext
from av.filter import Graph

_NATIVE: Final = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR", "TBL", "TBC"),
    *(
        "TBR",
        "DL",
        "DR",
        "WL",
        "WR",
        "SDL",
        "SDR",
        "LFE2",
        "TSL",
        "TSR",
        "BFC",
        "BFL",
        "BFR",
        "SSL",
        "SSR",
        "TTL",
        "TTR",
    ),
)
"""Source: FFmpeg, libavutil/channel_layout.h, ``enum AVChannel``."""

_TOLD: Final = re.compile(r"^#channel_layout_name 0: (.*)$", re.MULTILINE)
_LISTED: Final = re.compile(r"(\d+) channels(?: \((.*)\))?")
_AMBISONIC: Final = re.compile(r"ambisonic (\d+)(?:\+(.+))?")

_ORDER: Final = "timmybot_channel_order"
"""FFmpeg leaves an option that it does not know in ``codec_context.options``: there the decoder carries its order."""


def settle(sound: av.AudioStream) -> int:
    """The number of channels; 0 if that makes no sense. Gives the decoder, not yet open, a layout without a map.

    Call it before anything reads ``sound.layout`` or ``sound.channels``.
    """
    told = _told(sound)
    decoder = sound.codec_context
    if ambisonic := _AMBISONIC.fullmatch(told):
        order, others = int(ambisonic[1]), ambisonic[2]
        return (order + 1) ** 2 + (av.AudioLayout(others).nb_channels if others else 0) if order < 10 else 0
    listed = _LISTED.fullmatch(told)
    if listed is None:
        if told:
            decoder.layout = told
        return av.AudioLayout(told).nb_channels if told else 0
    count, names = int(listed[1]), (listed[2] or "").split("+")
    if len(names) == count and len(set(names)) == count and set(names) <= set(_NATIVE):
        native = sorted(names, key=_NATIVE.index)
        decoder.layout = "+".join(native)
        if names != native:
            decoder.options = {**decoder.options, _ORDER: "|".join(str(names.index(name)) for name in native)}
    elif 0 < count < len(_NATIVE):
        decoder.layout = f"{count} channels"
    return count


def put_in_order(decoder: AudioCodecContext) -> Callable[[av.AudioFrame], av.AudioFrame]:
    """What puts the channels of the decoder's frames in native order, as :func:`settle` found it necessary."""
    order = decoder.options.get(_ORDER)
    if order is None:
        return lambda frame: frame
    graph: Graph | None = None

    def put(frame: av.AudioFrame) -> av.AudioFrame:
        nonlocal graph
        if graph is None:
            graph = _mapping(frame, order)
        graph.push(frame)
        ordered = graph.pull()
        assert isinstance(ordered, av.AudioFrame)
        return ordered

    return put


def safe(layout: str) -> bool:
    """Whether FFmpeg keeps a layout that it describes so without a map on the heap."""
    listed = _LISTED.fullmatch(layout)
    if listed is None or not listed[2]:
        return True
    names = listed[2].split("+")
    return set(names) <= set(_NATIVE) and names == sorted(set(names), key=_NATIVE.index)


def to_stereo(layout: str) -> str | None:
    """How ``pan`` makes stereo of ambisonic sound, which FFmpeg does not mix down; ``None`` for any other.

    Two cardioids that look left and right, out of the channels W and Y. Source: RFC 8486, section 3 (order ACN).
    """
    ambisonic = _AMBISONIC.fullmatch(layout)
    if ambisonic is None:
        return None
    count = (int(ambisonic[1]) + 1) ** 2
    side = "0.5*c1" if count > 1 else "0*c0"
    left, right = (f"+c{count}", f"+c{count + 1}") if ambisonic[2] == "stereo" else ("", "")
    return f"stereo|c0=0.5*c0+{side}{left}|c1=0.5*c0-{side}{right}"


def _told(sound: av.AudioStream) -> str:
    """FFmpeg's description of the channels, ``""`` if there is none."""
    made = io.BytesIO()
    with av.open(made, "w", format="framecrc") as output:
        output.add_stream_from_template(sound, opaque=True)
        output.start_encoding()
    found = _TOLD.search(made.getvalue().decode("utf-8", errors="replace"))
    return found[1] if found else ""


def _mapping(frame: av.AudioFrame, order: str) -> Graph:
    graph = Graph()
    graph.threads = 1
    layout = frame.layout.name
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        layout=layout,
        time_base=frame.time_base or Fraction(1, frame.sample_rate),
    )
    mapping = graph.add("channelmap", f"map={order}:channel_layout={'+'.join(_names(layout))}")
    graph.link_nodes(source, mapping, graph.add("abuffersink")).configure()
    return graph


def _names(layout: str) -> list[str]:
    return [channel.name for channel in av.AudioLayout(layout).channels]
