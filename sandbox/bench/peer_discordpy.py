"""discord.py's own player and voice client: ``FFmpegOpusAudio`` with codec copy, an ffmpeg a player.

The client is brought to the state that it is in after it has joined, without a voice gateway: its socket, key, mode,
SSRC and DAVE session are real, the websocket is not there. Its own code does the rest. It has no AES-GCM, so it
encrypts with XChaCha20.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import discord
import imageio_ffmpeg
from discord.voice_state import ConnectionFlowState

from sandbox.bench.dave import ready_session
from sandbox.bench.standing import SPREAD_SECONDS, Place, place, stand

MODE: Final = "aead_xchacha20_poly1305_rtpsize"


class _NoWebsocket:
    async def speak(self, *_: Any) -> None:
        """Where it would say that it speaks."""


def connected(at: Place, ssrc: int) -> discord.VoiceClient:
    """A voice client that is in a channel."""
    client = SimpleNamespace(loop=asyncio.get_running_loop(), _connection=SimpleNamespace())
    client._connection.loop = client.loop
    voice = discord.VoiceClient(cast(Any, client), cast(Any, SimpleNamespace(id=ssrc, guild=None)))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    udp.connect(("127.0.0.1", at.sink_port))
    state = voice._connection
    state.socket, state.ssrc, state.mode, state.secret_key = udp, ssrc, MODE, list(os.urandom(32))
    state.ws = cast(Any, _NoWebsocket())
    state.dave_protocol_version, state.dave_session = 1, ready_session()
    state.state = ConnectionFlowState.connected
    return voice


class Players:
    def __init__(self, at: Place) -> None:
        self.at = at
        self.ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        self.nowhere = Path(os.devnull).open("wb")  # noqa: SIM115  # as long as the process
        self._voices: list[discord.VoiceClient] = []

    async def play(self, streams: int) -> dict[str, Any]:
        """Have exactly so many play."""
        for voice in self._voices[streams:]:
            voice.pause()
        while len(self._voices) < streams:
            self._voices.append(connected(self.at, len(self._voices) + 1))
        for voice in self._voices[:streams]:
            if voice.is_paused():
                voice.resume()
            elif not voice.is_playing():
                voice.play(self.song())
            await asyncio.sleep(SPREAD_SECONDS / streams)
        return {}

    def song(self) -> discord.AudioSource:
        # A real file, or discord.py would read the error output on a thread of its own, a player.
        return discord.FFmpegOpusAudio(self.at.song, codec="copy", executable=self.ffmpeg, stderr=self.nowhere)

    async def close(self) -> None:
        for voice in self._voices:
            voice.stop()


async def run() -> None:
    players = Players(place())
    try:
        await stand({"play": players.play})
    finally:
        await players.close()


def main() -> None:
    logging.getLogger("discord").setLevel(logging.ERROR)
    asyncio.run(run())


if __name__ == "__main__":
    main()
