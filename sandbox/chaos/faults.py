"""The faults, each a short history: what is done to real processes, and what the listeners must have heard."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.chaos.fencing import epoch_of, write_under
from sandbox.chaos.ground import PATIENCE_SECONDS, Ground, now
from sandbox.chaos.judging import (
    HANDOVER_GAP_SECONDS,
    LISTEN_SECONDS,
    NEVER_SILENT_SECONDS,
    TAKEOVER_GAP_SECONDS,
    hear_again,
    judge,
    obeyed,
    says,
)
from sandbox.chaos.link import Condition
from sandbox.chaos.listening import interruption, sounding_since
from sandbox.chaos.media import media_child_dies, media_child_hangs
from sandbox.chaos.network import network_outage
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import ANSWER_SECONDS, Scene

CLEAN_HANDSHAKE_SECONDS = 10.0
OUTAGE_SECONDS = 60.0
SKEW_SECONDS = 120.0
NO_MEMORY = "I couldn't reach the database"
"""Of what a command is answered while AWS is away."""


async def sigkill(ground: Ground, report: Report) -> None:
    """A worker is gone without a word while another runs."""
    a, b = ground.scenes[:2]
    await ground.workers(2)
    await ground.play(a, b)
    victim = ground.holder(a)
    struck_at = now()
    await ground.cloud.scheduler.kill(victim, signal.SIGKILL)
    report.tell(f"SIGKILL to the worker that plays to A, process {victim.pid}")
    found = await hear_again(a, struck_at)
    judge(report, "sigkill", a, found, gap=TAKEOVER_GAP_SECONDS)


async def freeze(ground: Ground, report: Report) -> None:
    """A worker stands still for longer than its lease, and wakes up believing that it still owns its guilds."""
    a, b = ground.scenes[:2]
    await ground.workers(2)
    await ground.play(a, b)
    frozen = ground.holder(a)
    stale = await epoch_of(ground, a)
    struck_at = now()
    frozen.kill(signal.SIGSTOP)
    try:
        found = await hear_again(a, struck_at)
        judge(report, "sigstop", a, found, gap=TAKEOVER_GAP_SECONDS)
        taken = await epoch_of(ground, a)
        strays = ground.discord.voice.strays
        woken_at = now()
    finally:
        frozen.kill(signal.SIGCONT)
    await ground.until("the old worker says that it stood still", lambda: says(frozen, "stood still"), ANSWER_SECONDS)
    await a.ear.wait_until(lambda: len(sounding_since(a.ear.heard, woken_at)) >= 10 * LISTEN_SECONDS, PATIENCE_SECONDS)
    strays = ground.discord.voice.strays - strays
    report.figure("sigstop_packets_of_the_old_worker", strays)
    if strays:
        raise StepFailed(f"the old worker sent {strays} packets after it woke")
    after = interruption(a.ear.heard, a.playing.melody, since=woken_at)
    judge(report, "sigcont", a, after, gap=NEVER_SILENT_SECONDS)
    await refuse_stale_write(ground, report, a, stale=stale, taken=taken)


async def refuse_stale_write(ground: Ground, report: Report, scene: Scene, *, stale: int, taken: int) -> None:
    """The stored epoch rose, and a write under the old one fails on it."""
    if taken <= stale:
        raise StepFailed(f"the epoch did not rise with the takeover: {stale}, then {taken}")
    if await write_under(ground, scene, stale):
        raise StepFailed("a write under the old worker's epoch was accepted")
    if not await write_under(ground, scene, taken):
        raise StepFailed("a write under the new worker's epoch was refused: the refusal above proves nothing")
    report.tell(f"a write under the old epoch {stale} was refused, one under epoch {taken} accepted")


async def aws_outage(ground: Ground, report: Report) -> None:
    """AWS is out of reach for a minute: half of it silent, half of it refusing."""
    a, b = ground.scenes[:2]
    await ground.workers(2)
    await ground.play(a, b)
    struck_at = now()
    await ground.link.set(Condition.SILENT)
    await asyncio.sleep(OUTAGE_SECONDS / 2)
    clear = [(await a.says("pause")).content]
    report.tell(f"/pause while AWS is silent: {clear[-1]}")
    await ground.link.set(Condition.REFUSING)
    await asyncio.sleep(OUTAGE_SECONDS / 2 - 3)
    clear.append((await a.says("pause")).content)
    report.tell(f"/pause while AWS refuses: {clear[-1]}")
    await asyncio.sleep(max(struck_at + OUTAGE_SECONDS - now(), 0))
    await ground.link.set(Condition.OPEN)
    restored_at = now()
    report.figure("outage_seconds", restored_at - struck_at)
    for scene in (a, b):
        found = await hear_again(scene, struck_at, seconds=CLEAN_HANDSHAKE_SECONDS, after=restored_at)
        judge(report, "outage", scene, found, gap=NEVER_SILENT_SECONDS)
    if not all(NO_MEMORY in answer for answer in clear):
        raise StepFailed(f"a command got no clear answer during the outage: {clear}")
    await obeyed(ground, report, "outage", a)


async def cut_connections(ground: Ground, report: Report) -> None:
    """Discord drops every gateway connection, then every voice connection, then the voice sessions too."""
    a = ground.scenes[0]
    await ground.workers(1)
    await ground.play(a)
    cuts: tuple[tuple[str, Callable[[], Awaitable[None]], float], ...] = (
        ("gateway_cut", lambda: ground.discord.gateway.close_all(4000), NEVER_SILENT_SECONDS),
        # Discord wants one to five seconds between an invalid session and the next IDENTIFY.
        ("gateway_session_lost", ground.discord.gateway.invalidate_all, TAKEOVER_GAP_SECONDS),
        ("voice_cut", lambda: ground.discord.voice.close_all(4015), NEVER_SILENT_SECONDS),
        ("voice_session_lost", lambda: ground.discord.voice.close_all(4006), TAKEOVER_GAP_SECONDS),
    )
    for name, cut, gap in cuts:
        a.ear.clear()
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=LISTEN_SECONDS)
        struck_at = now()
        await cut()
        found = await hear_again(a, struck_at, seconds=CLEAN_HANDSHAKE_SECONDS)
        judge(report, name, a, found, gap=gap)
    await obeyed(ground, report, "cut", a)


async def skewed_clock(ground: Ground, report: Report) -> None:
    """Two workers whose wall clocks are four minutes apart: nobody loses a lease by it, and commands are obeyed."""
    a, b = ground.scenes[:2]
    ground.next_workers_are(clock_skew_seconds=SKEW_SECONDS)
    await ground.workers(1)
    ground.next_workers_are(clock_skew_seconds=-SKEW_SECONDS)
    tasks = await ground.workers(2)
    began_at = now()
    await ground.play(a, b, seconds=CLEAN_HANDSHAKE_SECONDS)
    for scene in (a, b):
        found = interruption(scene.ear.heard, scene.playing.melody, since=began_at)
        judge(report, "skew", scene, found, gap=NEVER_SILENT_SECONDS)
        await obeyed(ground, report, "skew", scene)
    if any(says(task, "another worker's now") for task in tasks):
        raise StepFailed("a skewed worker lost a shard to the other")
    struck_at = now()
    await ground.cloud.scheduler.kill(ground.holder(a), signal.SIGKILL)
    judge(report, "skew_sigkill", a, await hear_again(a, struck_at), gap=TAKEOVER_GAP_SECONDS)


async def two_deploys(ground: Ground, report: Report) -> None:
    """Two new task revisions in a row, in mid-song, the second as soon as the command is back from the first."""
    a, b = ground.scenes[:2]
    await ground.workers(1)
    await ground.play(a, b)
    struck_at = now()
    await ground.deploy({"task_memory": "1024"})
    report.tell(f"the first cdk deploy is back after {now() - struck_at:.0f} s")
    await ground.deploy_and_replace({"task_memory": "2048"})
    report.tell(f"only tasks of the second are left after {now() - struck_at:.0f} s")
    for scene in (a, b):
        found = await hear_again(scene, struck_at, after=now())
        judge(report, "deploy", scene, found, gap=HANDOVER_GAP_SECONDS)
    await obeyed(ground, report, "deploy", a)


async def rolling_upgrade(ground: Ground, report: Report) -> None:
    """The next release, which writes a field more, takes over from today's in mid-song, and is rolled back again."""
    a, b = ground.scenes[:2]
    await ground.workers(1)
    await ground.play(a, b)
    steps: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
        ("upgrade", {"release": "next"}, {"task_memory": "1024"}),
        ("rollback", {}, {}),
    )
    for name, release, choices in steps:
        for scene in (a, b):
            scene.ear.clear()
            await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=LISTEN_SECONDS)
        ground.next_workers_are(**release)
        struck_at = now()
        await ground.deploy_and_replace(choices)
        for scene in (a, b):
            found = await hear_again(scene, struck_at, after=now())
            judge(report, name, scene, found, gap=HANDOVER_GAP_SECONDS)
        await obeyed(ground, report, name, a)
        queue = (await b.says("queue")).content
        if b.playing.title not in queue:
            raise StepFailed(f"after the {name} the queue of B reads: {queue}")


async def breaking_upgrade(ground: Ground, report: Report) -> None:
    """A release whose shape of records today's cannot read takes over in mid-song; one that reads both follows it.

    The front door stays today's throughout: it must say so and leave alone what it cannot read, and obey again after.
    """
    a, b = ground.scenes[:2]
    await ground.workers(1)
    await ground.play(a, b)
    queued = (await b.says("queue")).content
    steps: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("schema_upgrade", "writes 2", {"task_memory": "1024"}),
        ("schema_rollback", "reads 2", {}),
    )
    for name, release, choices in steps:
        for scene in (a, b):
            scene.ear.clear()
            await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=LISTEN_SECONDS)
        ground.next_workers_are(release=release)
        struck_at = now()
        await ground.deploy_and_replace(choices)
        for scene in (a, b):
            found = await hear_again(scene, struck_at, after=now())
            judge(report, name, scene, found, gap=HANDOVER_GAP_SECONDS)
        if release == "writes 2":
            refused = (await a.says("pause")).content
            if "being updated" not in refused:
                raise StepFailed(f"a front door that cannot read the queue answered: {refused}")
            report.tell(f"{name}: the front door, which cannot read the new shape, says: {refused}")
    await obeyed(ground, report, "schema_rollback", a)
    after = (await b.says("queue")).content
    if after != queued:
        raise StepFailed(f"the queue of B was {queued} and is {after}")


@dataclass(frozen=True)
class Fault:
    name: str
    sentence: str
    act: Callable[[Ground, Report], Awaitable[None]]


FAULTS = (
    Fault("sigkill", "A worker is killed while another runs", sigkill),
    Fault("freeze", "A worker stands still for longer than its lease, and wakes again", freeze),
    Fault("cuts", "Gateway and voice connections are cut, and their sessions lost", cut_connections),
    Fault("skew", "Two workers' clocks are four minutes apart", skewed_clock),
    Fault("deploys", "Two deploys in a row, in mid-song", two_deploys),
    Fault("upgrade", "A release that writes a field more takes over, and is rolled back", rolling_upgrade),
    Fault("schema", "A release whose records today's cannot read takes over, and is rolled back", breaking_upgrade),
    Fault("outage", "AWS is out of reach for a minute", aws_outage),
    Fault("media-child-dies", "The process that decodes for two guilds is killed, and crashes", media_child_dies),
    Fault("media-child-hangs", "The process that decodes for two guilds stands still", media_child_hangs),
    Fault("network", "The network is away from a bot, both ways, with the audio source and without", network_outage),
)
