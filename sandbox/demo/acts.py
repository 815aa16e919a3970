"""Steps 3 to 7: music in two guilds, judged by what their members see and hear."""

from __future__ import annotations

import asyncio
import signal
import time
from itertools import zip_longest

from sandbox.demo.judgement import explained, hears_its_own, punctuality, recovery
from sandbox.demo.price import price_of
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import ANSWER_SECONDS, Scene, starts
from sandbox.demo.stage import Stage
from sandbox.discord import Window

WAKE_SECONDS = 60.0
LISTEN_SECONDS = 6.0
TOLERATED_JUMP_SECONDS = 2.0


async def play_both(stage: Stage, report: Report) -> None:
    """A ``/play`` in each guild at the same moment, at zero tasks."""
    for scene in stage.scenes:
        await scene.member.join(scene.guild.voice_channel)
    asked_at = time.monotonic()
    answers = await asyncio.gather(*(scene.play(scene.songs[0]) for scene in stage.scenes))
    await asyncio.gather(*(scene.ear.wait_for_sound(WAKE_SECONDS) for scene in stage.scenes))
    for scene, answer in zip(stage.scenes, answers, strict=True):
        now_playing = await answer.wait_for(starts("Now playing"), ANSWER_SECONDS)
        first_packet = scene.ear.packets[0].at - asked_at
        report.figure(f"from_zero_to_first_packet_seconds_{scene.name}", first_packet)
        report.tell(
            f"{scene.name}: answered after {answer.answered_after_seconds or 0:.2f} s, first packet after "
            f"{first_packet:.1f} s from zero tasks; {scene.member.name} reads: {now_playing}"
        )


async def listen(stage: Stage, report: Report) -> None:
    for scene, other in (stage.scenes, stage.scenes[::-1]):
        ear = scene.ear
        await ear.wait_for_sound(WAKE_SECONDS, seconds=LISTEN_SECONDS)
        strangers = [song.melody for song in other.songs]
        report.judge(hears_its_own(ear.heard, scene.playing.melody, strangers, seconds=LISTEN_SECONDS), scene.name)
        kept = punctuality(ear.packets)
        for name, count in (("", kept.packets), ("_late", kept.late), ("_lost", kept.lost)):
            report.figure(f"packets{name}_{scene.name}", count)
        report.tell(f"{scene.name}: {kept.packets} packets, {kept.late} over 20 ms late, {kept.lost} lost")


async def interleave(stage: Stage, report: Report) -> None:
    """Commands of both guilds in turns; each queue must be what its own guild's commands make of it."""
    a, b = stage.scenes
    for scene, song in ((a, a.songs[1]), (b, b.songs[1]), (a, a.songs[0]), (b, b.songs[0])):
        await (await scene.play(song)).wait_for(starts("Queued **"), ANSWER_SECONDS)
    await a.says("pause")
    await _skip_and_hear(b, report)
    await a.says("resume")
    said = "play, play, pause, resume", "play, play, skip"
    shown = [(await scene.says("queue")).content for scene in stage.scenes]
    report.tell(
        _side_by_side([f"A said: {said[0]}", *shown[0].splitlines()], [f"B: {said[1]}", *shown[1].splitlines()])
    )
    for scene, queue in zip(stage.scenes, shown, strict=True):
        report.judge(explained(queue, scene.expected), scene.name)


async def kill(stage: Stage, report: Report) -> None:
    """SIGKILL to every worker process; nobody helps it back up but the service itself."""
    for scene in stage.scenes:
        scene.ear.clear()
        await scene.ear.wait_for_sound(ANSWER_SECONDS, seconds=4.0)
    for task in [task for task in stage.cloud.scheduler.tasks if task.stopped_at is None]:
        await stage.cloud.scheduler.kill(task, signal.SIGKILL)
        report.tell(f"SIGKILL to worker process {task.pid}")
    killed_at = time.monotonic()
    for scene in stage.scenes:
        await _judge_recovery(scene, killed_at, report)
        queue = (await scene.says("queue")).content
        report.judge(explained(queue, scene.expected), scene.name)


async def _judge_recovery(scene: Scene, killed_at: float, report: Report) -> None:
    await scene.ear.wait_until(lambda: len(_sounding_since(scene, killed_at + 1.0)) >= 40, WAKE_SECONDS)
    heard = scene.ear.heard
    before = [window for window in heard if window.time <= killed_at + 1.0]
    found = recovery(before, _sounding_since(scene, killed_at + 1.0), scene.playing.melody)
    if found is None:
        raise StepFailed(f"{scene.name}: {scene.playing.title} did not go on")
    report.figure(f"kill_gap_seconds_{scene.name}", found.gap_seconds)
    report.figure(f"kill_jump_seconds_{scene.name}", found.jump_seconds)
    report.tell(
        f"{scene.name}: silent for {found.gap_seconds:.1f} s; {scene.playing.title} died at {found.died_at:.1f} s "
        f"and went on at {found.went_on_at:.1f} s ({found.jump_seconds:+.1f} s)"
    )
    if abs(found.jump_seconds) > TOLERATED_JUMP_SECONDS:
        raise StepFailed(f"{scene.name} went on at the wrong place")


async def stop(stage: Stage, report: Report) -> None:
    for scene in stage.scenes:
        report.tell(f"{scene.name}: {(await scene.stop()).content}")
    stopped_at = time.monotonic()
    await stage.cloud.wait_for_tasks(0, timeout=WAKE_SECONDS)
    report.figure("stop_to_zero_seconds", time.monotonic() - stopped_at)
    for scene in stage.scenes:
        if scene.guild.bot_voice_state is not None:
            raise StepFailed(f"the bot still sits in a voice channel of guild {scene.name}")
    report.tell("the bot left both channels, and the service is at zero tasks")
    for line in price_of():
        report.tell(line)


async def _skip_and_hear(scene: Scene, report: Report) -> None:
    """Skip, and wait until the next song sounds."""
    asked_at = time.monotonic()
    await scene.skip()
    tones = scene.playing.melody.tones

    def new_song() -> Window | None:
        sounding = _sounding_since(scene, asked_at)
        return next((window for window in sounding if _is_one_of(window.hz, tones)), None)

    await scene.ear.wait_until(lambda: new_song() is not None, ANSWER_SECONDS)
    first = new_song()
    assert first is not None
    report.figure("warm_skip_to_sound_seconds", first.time - asked_at)
    report.tell(f"{scene.name}: /skip, and {first.time - asked_at:.2f} s later the next song sounds")


def _sounding_since(scene: Scene, moment: float) -> list[Window]:
    return [window for window in scene.ear.heard if window.time > moment and not window.is_silent]


def _is_one_of(hz: float, tones: frozenset[float]) -> bool:
    return any(abs(hz - tone) < 0.01 * tone for tone in tones)


def _side_by_side(left: list[str], right: list[str]) -> str:
    width = max(len(line) for line in left) + 3
    return "\n".join(f"{one:<{width}}{other}" for one, other in zip_longest(left, right, fillvalue=""))
