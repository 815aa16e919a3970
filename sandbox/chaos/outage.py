"""Run in a network namespace: Discord, a radio and a bot of their own, and outages between them.

``python -m sandbox.chaos.outage DIRECTORY SECONDS:WITH_SOURCE...`` writes ``DIRECTORY/outage.json``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.chaos.judging import LISTEN_SECONDS
from sandbox.chaos.listening import sounding_since
from sandbox.chaos.network import Outage
from sandbox.chaos.routes import Routes
from sandbox.chaos.untouched import lost, untrue
from sandbox.demo.judgement import Song
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import Scene
from sandbox.discord import FakeDiscord
from sandbox.listen.bot import Bot, trusted_by
from sandbox.melody import compose, recognise
from sandbox.radio import Radio
from sandbox.reaper import Reaper
from sandbox.recording import Format, record

SONG_SECONDS = 300.0
AGAIN_SECONDS = 10.0
"""What is promised, from the moment that the network is back."""
GIVE_UP_SECONDS = 60.0
START_SECONDS = 20.0
IN_FLIGHT_SECONDS = 0.5
"""What was sent before the cut is heard within this time."""


async def live_through(directory: Path, outages: Sequence[Outage], report: Report) -> None:
    """Each outage in order, over one bot. Raises :class:`StepFailed` at the end if one cost something."""
    with Routes() as routes, Reaper() as reaper:
        async with _playing(directory, reaper) as (radio, scenes):
            kept = {scene.name: tuple(song.title for song in scene.songs) for scene in scenes}
            for outage in outages:
                with report.step(outage.name):
                    await _endure(routes, radio, scenes, outage, report)
                    await _judge_kept(scenes, kept, report, outage)
            with report.step("the loop"):
                await _judge_loop(scenes[1], report)


async def _endure(routes: Routes, radio: Radio, scenes: Sequence[Scene], outage: Outage, report: Report) -> None:
    for scene in scenes:
        scene.ear.clear()
        await scene.ear.wait_for_sound(GIVE_UP_SECONDS, seconds=LISTEN_SECONDS)
    loop = asyncio.get_running_loop()
    with routes.cut(spared=None if outage.with_source else radio.port):
        struck_at = loop.time()
        await asyncio.sleep(outage.seconds)
        back_at = loop.time()
    for scene in scenes:
        leaked = [at for window in scene.ear.heard if struck_at + IN_FLIGHT_SECONDS < (at := window.time) < back_at]
        if leaked:
            raise StepFailed(f"{scene.name} heard something during the outage: the network was not cut")
    for scene in scenes:
        await scene.ear.wait_until(
            lambda scene=scene: len(sounding_since(scene.ear.heard, back_at)) >= 10 * LISTEN_SECONDS,  # type: ignore[misc]  # no type is inferred for a default
            GIVE_UP_SECONDS,
        )
        heard = sounding_since(scene.ear.heard, back_at)
        if not recognise(heard, scene.playing.melody).segments:
            raise StepFailed(f"{outage.name}: {scene.name} heard something else than its song")
        after = heard[0].time - back_at
        report.figure(f"{outage.name}_again_after_seconds_{scene.name}", after)
        sentence = f"{outage.name}: {scene.name} heard the song again {after:.1f} s after the network was back"
        if after > AGAIN_SECONDS:
            raise StepFailed(f"{sentence}; promised are {AGAIN_SECONDS:.0f} s")
        report.tell(sentence)


async def _judge_kept(
    scenes: Sequence[Scene], kept: Mapping[str, tuple[str, ...]], report: Report, outage: Outage
) -> None:
    for scene in scenes:
        what = lost(kept[scene.name], (await scene.says("queue")).content)
        said = untrue(str(message["content"]) for message in scene.guild.text_channel.messages)
        if what or said:
            raise StepFailed(f"{outage.name}: {scene.name} lost {what}, and was told {said}")
    report.tell(f"{outage.name}: the queues are as before, and nothing untrue was said")


async def _judge_loop(scene: Scene, report: Report) -> None:
    """``/queue`` shows no loop, but a skip does: with it the song waits again at the end, else it is gone.

    The second is the negative control: a lost loop, and a lost song, would have been seen.
    """
    first, second = (song.title for song in scene.songs)
    await scene.says("skip")
    if what := lost((second, first), (await scene.says("queue")).content):
        raise StepFailed(f"after a skip the loop of {scene.name} lost {what}")
    await scene.says("loop", mode="off")
    await scene.says("skip")
    if lost((first, second), (await scene.says("queue")).content) != [second]:
        raise StepFailed("a skip without a loop counted as a loss of nothing: the looks above prove nothing")
    report.tell("the loop turned with a skip; without a loop the same look says that the skipped song is lost")


@asynccontextmanager
async def _playing(directory: Path, reaper: Reaper) -> AsyncIterator[tuple[Radio, tuple[Scene, Scene]]]:
    """Two guilds that hear their song: one plays its queue once, the other in a loop."""
    music = directory / "music"
    music.mkdir(parents=True, exist_ok=True)
    async with Radio(music) as radio, FakeDiscord(directory / "discord") as discord:
        app = discord.create_application("TimmyBot")
        scenes = []
        for name in "AB":
            guild = discord.create_guild(name, app)
            melodies = [
                compose(f"{name.lower()}{number}", voice=number + 2 * (name == "B"), seconds=SONG_SECONDS)
                for number in range(2)
            ]
            files = [record(melody, music, Format.WEBM_OPUS).name for melody in melodies]
            songs = tuple(Song(melody, radio.url(file)) for melody, file in zip(melodies, files, strict=True))
            scenes.append(Scene(guild, guild.add_member(f"listener of {name}"), songs))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIMMYBOT_")} | {
            "TIMMYBOT_BOT_TOKEN": app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(app.application_id),
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": radio.host,
            "SSL_CERT_FILE": str(trusted_by(discord.ca_file, directory / "trusted.pem")),
        }
        bot = Bot(directory, environment, reaper)
        await bot.start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not discord.gateway.sessions:  # noqa: ASYNC110  # the fake Discord is looked at from outside
                    await asyncio.sleep(0.05)
            for scene in scenes:
                await scene.member.join(scene.guild.voice_channel)
                for song in scene.songs:
                    await scene.play(song)
            await scenes[1].says("loop", mode="queue")
            for scene in scenes:
                await scene.ear.wait_for_sound(GIVE_UP_SECONDS, seconds=LISTEN_SECONDS)
            yield radio, (scenes[0], scenes[1])
        finally:
            await bot.end(signal.SIGTERM)


def main() -> int:
    directory, *wanted = sys.argv[1:]
    outages = []
    for one in wanted:
        seconds, with_source = one.split(":")
        outages.append(Outage(float(seconds), with_source == "1"))
    report = Report()
    try:
        asyncio.run(live_through(Path(directory), outages, report))
    except (StepFailed, TimeoutError) as failure:
        report.line(f"It could not go on: {failure}")
    report.write(Path(directory) / "outage.json")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
