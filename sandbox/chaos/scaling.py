"""How the service spreads over tasks and falls asleep, by the template's own policies, with real players.

Minutes pass sixty times as fast for CloudWatch and the policies; music, leases and processes keep true time.
"""

from __future__ import annotations

import asyncio

from sandbox.chaos.ground import PATIENCE_SECONDS, Ground, now
from sandbox.chaos.judging import HANDOVER_GAP_SECONDS, NEVER_SILENT_SECONDS, hear_again, judge
from sandbox.chaos.listening import sounding_since
from sandbox.demo.judgement import Recovery
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import Scene

SPEED = 60.0
PLAYERS_PER_TASK = 2
CHOICES = {"players_per_task": str(PLAYERS_PER_TASK)}
SHARDS = (0, 3, 5, 8, 11, 14)
"""One guild on each."""
SETTLE_SECONDS = 90.0


async def tell(ground: Ground, report: Report) -> None:
    """Every step in order, from zero to five and back. Raises :class:`StepFailed` at the first that does not hold."""
    ground.cloud.scaling.suspended = False
    for sentence, act in (
        ("A /play wakes the service from zero", wake),
        (f"More than {PLAYERS_PER_TASK} players a task: the service scales out", scale_out),
        ("A new task revision takes over in mid-song", redeploy),
        ("Some stop: the service scales in, and cuts no song", scale_in),
        ("All stop: the service scales to zero", fall_asleep),
        ("Half a minute after it fell asleep, a /play wakes it again", wake_again),
    ):
        with report.step(sentence):
            await act(ground, report)


async def wake(ground: Ground, report: Report) -> None:
    await _wake(ground, report, "wake")


async def _wake(ground: Ground, report: Report, name: str) -> None:
    first = ground.scenes[0]
    asked_at = now()
    await ground.play(first)
    report.figure(f"{name}_first_sound_seconds", first.ear.packets[0].at - asked_at)
    report.tell(f"first packet {first.ear.packets[0].at - asked_at:.1f} s after /play at zero tasks")


async def scale_out(ground: Ground, report: Report) -> None:
    began_at = now()
    await ground.play(*ground.scenes[1:])
    all_play_at = now()
    wanted = -(-len(ground.scenes) // PLAYERS_PER_TASK)
    await ground.until(
        f"{wanted} tasks run", lambda: len(ground.cloud.scheduler.running) >= wanted, within=SETTLE_SECONDS
    )
    report.figure("scale_out_seconds", now() - began_at)
    report.figure("scale_out_tasks", len(ground.cloud.scheduler.running))
    report.tell(
        f"{len(ground.scenes)} players: {len(ground.cloud.scheduler.running)} tasks after {now() - began_at:.0f} s "
        f"({(now() - began_at) * SPEED / 60:.0f} of the policies' minutes)"
    )
    _judge_all(ground, report, "scale_out", await _heard(ground.scenes, all_play_at), gap=HANDOVER_GAP_SECONDS)
    spread = sorted(_players_by_task(ground).values(), reverse=True)
    report.tell(f"players by task: {', '.join(map(str, spread))}")


async def redeploy(ground: Ground, report: Report) -> None:
    struck_at = now()
    await ground.deploy_and_replace({"task_memory": "1024"})
    report.figure("redeploy_seconds", now() - struck_at)
    _judge_all(ground, report, "redeploy", await _heard(ground.scenes, struck_at), gap=HANDOVER_GAP_SECONDS)


async def scale_in(ground: Ground, report: Report) -> None:
    staying = ground.scenes[:1]
    before = len(ground.cloud.scheduler.running)
    await ground.stop(*ground.scenes[1:])
    began_at = now()
    await ground.until("one task is left", lambda: _alive(ground) == 1, within=SETTLE_SECONDS)
    report.figure("scale_in_seconds", now() - began_at)
    report.tell(f"from {before} tasks to 1 after {now() - began_at:.0f} s")
    _judge_all(ground, report, "scale_in", await _heard(staying, began_at), gap=HANDOVER_GAP_SECONDS)


async def fall_asleep(ground: Ground, report: Report) -> None:
    await ground.stop(*ground.scenes)
    began_at = now()
    await ground.until("no task is left", lambda: _alive(ground) == 0, within=SETTLE_SECONDS)
    report.figure("asleep_seconds", now() - began_at)
    report.tell(f"asleep after {now() - began_at:.0f} s")


async def wake_again(ground: Ground, report: Report) -> None:
    await asyncio.sleep(30.0 / SPEED)
    await _wake(ground, report, "wake_again")
    first = ground.scenes[0]
    woken_at = now()
    # Longer than the idle policy looks back: it must not undo the wake.
    await first.ear.wait_until(lambda: len(sounding_since(first.ear.heard, woken_at)) >= 10 * 14, PATIENCE_SECONDS)
    _judge_all(ground, report, "wake_again", await _heard([first], woken_at), gap=NEVER_SILENT_SECONDS)
    if _alive(ground) != 1:
        raise StepFailed("the service was put to sleep again")


def _alive(ground: Ground) -> int:
    return sum(task.running for task in ground.cloud.scheduler.tasks)


def _players_by_task(ground: Ground) -> dict[str, int]:
    spread = {task.id: 0 for task in ground.cloud.scheduler.running}
    for scene in ground.scenes:
        spread[ground.holder(scene).id] += 1
    return spread


async def _heard(scenes: tuple[Scene, ...] | list[Scene], since: float) -> list[tuple[Scene, Recovery | None]]:
    return [(scene, await hear_again(scene, since, after=now())) for scene in scenes]


def _judge_all(
    ground: Ground, report: Report, name: str, heard: list[tuple[Scene, Recovery | None]], *, gap: float
) -> None:
    for scene, found in heard:
        judge(report, name, scene, found, gap=gap)
