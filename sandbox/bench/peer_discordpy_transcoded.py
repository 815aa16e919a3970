"""discord.py with sound that it works on: an ffmpeg that decodes, ``PCMVolumeTransformer``, and libopus in its process.

Its wheel for Linux has no libopus and it would look for the system's; it gets PyAV's, which is the one that ours uses.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import av
import discord

from sandbox.bench.peer_discordpy import Players
from sandbox.bench.standing import place, stand

VOLUME = 0.5


class TranscodingPlayers(Players):
    def song(self) -> discord.AudioSource:
        pcm = discord.FFmpegPCMAudio(self.at.song, executable=self.ffmpeg, stderr=self.nowhere)
        return discord.PCMVolumeTransformer(pcm, volume=VOLUME)


def load_libopus() -> None:
    """Raises :class:`StopIteration` where PyAV's wheel has none."""
    libraries = Path(av.__file__).parent.parent / "av.libs"
    discord.opus.load_opus(str(next(libraries.glob("libopus*"))))


async def run() -> None:
    load_libopus()
    players = TranscodingPlayers(place())
    try:
        await stand({"play": players.play})
    finally:
        await players.close()


if __name__ == "__main__":
    logging.getLogger("discord").setLevel(logging.ERROR)
    asyncio.run(run())
