"""Where faults are let loose: the deployed system with several guilds, and a link to AWS that can fail."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.chaos.link import Condition, Link
from sandbox.chaos.listening import is_placed
from sandbox.cloud import Cloud, Task
from sandbox.demo.judgement import Song
from sandbox.demo.prologue import operate
from sandbox.demo.report import StepFailed
from sandbox.demo.scene import ANSWER_SECONDS, Scene, starts
from sandbox.discord import Application, FakeDiscord
from sandbox.melody import compose
from sandbox.radio import Radio
from sandbox.recording import Format, record

SHARDS = 16
SONG_SECONDS = 300.0
PATIENCE_SECONDS = 60.0
HAND_OVER_SECONDS = 150.0
"""Longer than a task may take to stop."""
VOICES = 4

WORKER_PROCESS = Path(__file__).with_name("worker_process.py")


@dataclass
class Ground:
    """Everything up, deployed and set up by an operator, at zero tasks."""

    cloud: Cloud
    discord: FakeDiscord
    app: Application
    link: Link
    scenes: tuple[Scene, ...]
    _worker_file: Path
    _choices: Mapping[str, str]

    def next_workers_are(self, **wanted: object) -> None:
        """What workers that start from now on are: see ``worker_process.py``. Without arguments, ordinary ones."""
        self._worker_file.write_text(json.dumps(wanted))

    async def workers(self, count: int) -> list[Task]:
        """Have so many workers, as an operator would, and return them once they run and hold their shards."""
        await self.cloud.set_desired_count(count)
        await self.cloud.wait_for_tasks(count, timeout=PATIENCE_SECONDS)
        return self.cloud.scheduler.running

    async def deploy(self, choices: Mapping[str, str]) -> None:
        """Deploy again with the real cdk command, other choices beside those of the ground."""
        await self.cloud.deploy("dev", {**self._choices, **choices})

    async def deploy_and_replace(self, choices: Mapping[str, str]) -> None:
        """Deploy a new task revision, and return when every task that is left is of it."""
        older = max(task.revision for task in self.cloud.scheduler.tasks)
        await self.deploy(choices)

        def replaced() -> bool:
            revisions = {task.revision for task in self.cloud.scheduler.tasks if task.running}
            return bool(revisions) and min(revisions) > older

        await self.until("only tasks of the new revision are left", replaced, within=HAND_OVER_SECONDS)

    async def play(self, *scenes: Scene, seconds: float = 3.0) -> None:
        """Have the members play their songs, and hear each for a while."""
        for scene in scenes:
            if scene.member.voice_channel is None:
                await scene.member.join(scene.guild.voice_channel)
            scene.ear.clear()
        # One by one: two at once would have the second wait for a cold function, which is not what is looked at here.
        answers = [await scene.play(scene.songs[0]) for scene in scenes]
        await asyncio.gather(*(scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=seconds) for scene in scenes))
        for scene in scenes:
            await scene.ear.wait_until(partial(_is_placed, scene), PATIENCE_SECONDS)
        for answer in answers:
            await answer.wait_for(starts("Now playing"), ANSWER_SECONDS)

    async def stop(self, *scenes: Scene) -> None:
        for scene in scenes:
            if scene.expected.songs:
                await scene.stop()

    async def rest(self) -> None:
        """Back to how it began: nothing fails, nothing plays, nobody is awake."""
        self.next_workers_are()
        await self.link.set(Condition.OPEN)
        self.cloud.scaling.suspended = True
        await self.stop(*self.scenes)
        await self.workers(0)

    def holder(self, scene: Scene) -> Task:
        """The running worker that plays to the guild, by what the workers log. Raises :class:`StepFailed`."""
        played = {task.id: _last_played(task, scene.guild.id) for task in self.cloud.scheduler.tasks if task.running}
        latest = max(played, key=lambda task: played[task], default="")
        if not played.get(latest):
            raise StepFailed(f"no running worker says that it plays to guild {scene.name}")
        return next(task for task in self.cloud.scheduler.tasks if task.id == latest)

    async def until(self, holds: str, true: object, within: float = PATIENCE_SECONDS) -> None:
        """Wait until ``true()``, looking as often as the scheduler does. Raises :class:`StepFailed`."""
        assert callable(true)
        try:
            async with asyncio.timeout(within):
                await self.cloud.scheduler.wait_until(true)
        except TimeoutError:
            raise StepFailed(f"not within {within:.0f} s: {holds}") from None


@asynccontextmanager
async def ground(
    directory: Path, *, guilds: Sequence[int], choices: Mapping[str, str] | None = None, speed: float = 10.0
) -> AsyncIterator[Ground]:
    """A ground with one guild on each of the shards that ``guilds`` lists. Scaling is suspended at first."""
    music = directory / "music"
    music.mkdir(parents=True)
    worker_file = directory / "worker.json"
    worker_file.write_text("{}")
    async with Radio(music) as radio, FakeDiscord(directory / "discord") as discord, Link() as link:
        app = discord.create_application("TimmyBot")
        told = {
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_SOURCE_ALLOW_HOSTS": radio.host,
            "SSL_CERT_FILE": str(discord.ca_file),
            "AWS_ENDPOINT_URL": link.url,
        }
        songs = [_song(number, music, radio) for number in range(min(len(guilds), VOICES))]
        async with Cloud(
            directory / "cloud",
            speed=speed,
            task_environment={**told, "SANDBOX_WORKER": str(worker_file)},
            lambda_environment=told,
            programs={"timmybot": [sys.executable, "-P", str(WORKER_PROCESS)]},
        ) as cloud:
            cloud.reaper.watch_directory(directory)
            link.lead_to(cloud.endpoint_url)
            scenes = tuple(_scene(discord, app, number, shard, songs) for number, shard in enumerate(guilds))
            made = Ground(cloud, discord, app, link, scenes, worker_file, choices or {})
            await cloud.deploy("dev", choices)
            cloud.scaling.suspended = True
            await made.workers(0)
            await operate(cloud, discord, app)
            yield made


def _song(number: int, music: Path, radio: Radio) -> Song:
    melody = compose(f"song {number}", voice=number, seconds=SONG_SECONDS)
    return Song(melody, radio.url(record(melody, music, Format.WEBM_OPUS).name))


def _scene(discord: FakeDiscord, app: Application, number: int, shard: int, songs: Sequence[Song]) -> Scene:
    guild = discord.create_guild(chr(ord("A") + number), app, shard=shard, of=SHARDS)
    return Scene(guild, guild.add_member(f"listener {number}"), (songs[number % len(songs)],))


def _last_played(task: Task, guild_id: int) -> str:
    """When the worker last said that it plays to the guild: the time that begins its log lines, or nothing."""
    if not task.log.exists():
        return ""
    said = re.findall(rf"^(\S+ \S+) .*guild {guild_id}: Play\(", task.log.read_text(errors="replace"), re.MULTILINE)
    return str(said[-1]) if said else ""


def now() -> float:
    """The clock of what listeners hear."""
    return time.monotonic()


def _is_placed(scene: Scene) -> bool:
    return is_placed(scene.ear.heard, scene.playing.melody)
