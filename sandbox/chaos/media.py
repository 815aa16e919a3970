"""The process that decodes for a worker's guilds dies, or stands still: nobody may hear it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from sandbox.chaos.ground import PATIENCE_SECONDS, Ground, now
from sandbox.chaos.judging import LISTEN_SECONDS
from sandbox.chaos.listening import sounding_since
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import ANSWER_SECONDS, Scene
from sandbox.listen.children import Children
from sandbox.melody import recognise

BUFFERS_LAST_SECONDS = 10.0
"""How long is listened: what was decoded before is heard for five seconds, and a hang is looked at for two."""
FRAME_SECONDS = 0.02
REPEATED_SECONDS, TELLING_SECONDS = 0.3, 2.0
"""A place in a song is told as exactly as that, by a stretch of such a length."""
SOFTER = 80
"""A volume, in per cent: Opus that is to sound otherwise has to be decoded."""
PROC = Path("/proc")


async def media_child_dies(ground: Ground, report: Report) -> None:
    """It is killed from outside; then its successor gets the signal that a crash brings."""
    await _play_softer(ground)
    for how, name in ((signal.SIGKILL, "media_child_killed"), (signal.SIGSEGV, "media_child_crashed")):
        await _strike(ground, report, how, name)
    await _as_loud_as_before(ground)


async def media_child_hangs(ground: Ground, report: Report) -> None:
    """It stands still, and is ended for that."""
    await _play_softer(ground)
    await _strike(ground, report, signal.SIGSTOP, "media_child_hangs")
    await _as_loud_as_before(ground)


async def _play_softer(ground: Ground) -> None:
    await ground.workers(1)
    await ground.play(*ground.scenes[:2])
    for scene in ground.scenes[:2]:
        await _set_volume(scene, SOFTER)


async def _as_loud_as_before(ground: Ground) -> None:
    for scene in ground.scenes[:2]:
        await _set_volume(scene, 100)


async def _set_volume(scene: Scene, percent: int) -> None:
    shown = await scene.member.command("volume", percent=percent)
    await shown.wait_for(lambda text: text.startswith(f"The volume is {percent}"), ANSWER_SECONDS)


async def _strike(ground: Ground, report: Report, how: signal.Signals, name: str) -> None:
    scenes = ground.scenes[:2]
    heard_since = now()
    for scene in scenes:  # for as long as a buffer takes to be full
        await scene.ear.wait_until(
            lambda: len(sounding_since(scene.ear.heard, heard_since)) >= 10 * LISTEN_SECONDS,  # noqa: B023
            PATIENCE_SECONDS,
        )
    worker = ground.holder(scenes[0])
    if worker.pid is None:
        raise StepFailed("nobody plays")
    victim = _decoding(worker.pid)
    while how is signal.SIGSEGV and not _is_idle(victim):
        pass  # who crashes at work has brought it down; here nobody has, so that both go on
    struck_at = now()
    os.kill(victim, how)
    report.tell(f"{how.name} to process {victim}, which decodes for both")
    for scene in scenes:
        await _judge(report, name, scene, struck_at)
    successor = _decoding(worker.pid)
    if successor == victim:
        raise StepFailed("the process that was struck still decodes")
    if ground.holder(scenes[0]).pid != worker.pid:
        raise StepFailed("the worker is another")
    report.tell(f"process {successor} decodes for both; the worker is the same")


async def _judge(report: Report, name: str, scene: Scene, struck_at: float) -> None:
    """By frames of silence, with which a sender marks that its buffer is dry, and by places in the song: a machine that
    stalls makes gaps, and neither of these."""
    await scene.ear.wait_until(
        lambda: len(sounding_since(scene.ear.heard, struck_at)) >= 10 * BUFFERS_LAST_SECONDS, 2 * PATIENCE_SECONDS
    )
    silent = FRAME_SECONDS * sum(packet.is_silence for packet in scene.ear.packets if packet.at > struck_at)
    stretches = [
        each
        for each in recognise(scene.ear.heard, scene.playing.melody).segments
        if each.ended_at - each.began_at >= TELLING_SECONDS
    ]
    jumps = [after.from_position - before.to_position for before, after in pairwise(stretches)]
    back = min([0.0, *jumps])
    report.figure(f"{name}_gap_seconds_{scene.name}", silent)
    report.figure(f"{name}_jump_seconds_{scene.name}", back)
    sentence = f"{name}: {scene.name} was silent for {silent:.2f} s, and went back {-back:.2f} s"
    if silent or not stretches or back < -REPEATED_SECONDS:
        raise StepFailed(sentence)
    report.tell(sentence)


def _decoding(worker: int) -> int:
    """The media child with the most threads: it has one for each stream."""
    children = Children()
    children.look(worker)
    found = [child.pid for child in children.seen if child.kind == "media" and child.ended is None]
    if not found:
        raise StepFailed("the worker has no media child")
    return max(found, key=lambda pid: len(_threads(pid)))


def _threads(pid: int) -> list[str]:
    """The state of each thread: S for one that waits. Source: proc_pid_stat(5)."""
    states = []
    for stat in PROC.glob(f"{pid}/task/*/stat"):
        with suppress(OSError):
            states.append(stat.read_text(errors="replace").rpartition(")")[2].split()[0])
    return states


def _is_idle(pid: int) -> bool:
    return set(_threads(pid)) == {"S"}
