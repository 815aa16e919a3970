"""Taking frames out of a stream, and hearing what is in them."""

from __future__ import annotations

import time
from threading import Event

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from sandbox.melody import Melody
from tests.fakes.reading import read
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.ports.track_source import FrameStream, Gap

PATIENCE = 20.0
WINDOW = 4_800
HERTZ = 48_000


def drain(stream: FrameStream, filling: FillingThreads, limit: int = 1_000_000) -> list[bytes]:
    """All frames up to the end, or ``limit`` of them. Where the pacing thread would wait for a slot, this one waits for
    the filling threads to have had a turn."""
    heard: list[bytes] = []
    give_up = time.monotonic() + PATIENCE
    while len(heard) < limit and (frame := read(stream)) is not Gap.END:
        if isinstance(frame, bytes):
            heard.append(frame)
            continue
        assert time.monotonic() < give_up, f"no end and no frame, after {len(heard)}"
        turn = Event()
        filling.submit(turn.set)
        turn.wait(PATIENCE)
    return heard


def decode(packets: list[bytes]) -> NDArray[np.float32]:
    """The left channel."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate = HERTZ
    decoder.layout = "stereo"
    parts = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))]
    sound = np.concatenate(parts, axis=1).astype(np.float32)
    return sound[0, ::2] if sound.shape[0] == 1 else sound[0]


def share_of(melody: Melody, packets: list[bytes], *, from_ms: int) -> float:
    """How much of the sound is the melody's tone at that moment, from ``from_ms`` on: 1.0 is all of it.

    Windows of 100 ms; those across a change of tone are left out.
    """
    sound = decode(packets)
    right = total = 0
    for begin in range(0, len(sound) - WINDOW, WINDOW):
        seconds = from_ms / 1000 + begin / HERTZ
        wanted = melody.hz_at(seconds + 0.01)
        if wanted != melody.hz_at(seconds + 0.11) or not wanted:
            continue
        spectrum = np.abs(np.fft.rfft(sound[begin : begin + WINDOW] * np.hanning(WINDOW), n=HERTZ))
        total += 1
        right += abs(float(np.argmax(spectrum)) - wanted) < 0.012 * wanted
    assert total > 3, "too little sound to tell"
    return right / total


def await_buffered(stream: FrameStream, filling: FillingThreads, *, ms: int = 400) -> None:
    """Wait until that much can be read, as it can when 20 ms pass between two frames."""
    give_up = time.monotonic() + PATIENCE
    while stream.buffered_ms < ms and time.monotonic() < give_up:
        turn = Event()
        filling.submit(turn.set)
        turn.wait(PATIENCE)


def tone(hz: float, *, seconds: float, amplitude: float = 0.3) -> NDArray[np.float32]:
    """Samples of shape (2, samples): one sine, the same on both sides."""
    time_s = np.arange(int(HERTZ * seconds)) / HERTZ
    return np.tile(amplitude * np.sin(2 * np.pi * hz * time_s), (2, 1)).astype(np.float32)


def click_in(sound: NDArray[np.float32], hz: float) -> float:
    """How much is heard at some moment that is not the tone, in dB relative to the tone: what a seam spills."""
    window = np.blackman(1_024)
    spectra = np.stack(
        [np.abs(np.fft.rfft(sound[begin : begin + 1_024] * window)) for begin in range(0, len(sound) - 1_024, 256)]
    )
    other = np.abs(np.fft.rfftfreq(1_024, 1 / HERTZ) - hz) > 300
    spilled = np.sqrt(np.square(spectra[:, other]).sum(axis=1).max())
    return float(20 * np.log10(spilled / np.sqrt(np.square(spectra).sum(axis=1).max())))


def loudest_hz(sound: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * HERTZ / len(sound)


def level_db(sound: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-9))
