"""What the listeners' hearing is held against: how long a silence may be, and how far a song may jump."""

from __future__ import annotations

from sandbox.chaos.ground import PATIENCE_SECONDS, Ground, now
from sandbox.chaos.listening import interruption, sounding_since
from sandbox.cloud import Task
from sandbox.demo.judgement import Recovery
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.scene import Scene

TAKEOVER_GAP_SECONDS = 15.0
HANDOVER_GAP_SECONDS = 3.0
POSITION_SECONDS = 2.0
"""What is promised."""

LISTEN_SECONDS = 4.0
LISTENING_ATTEMPTS = 8
NEVER_SILENT_SECONDS = 0.5
"""What counts as music that went on: shorter than a member would call a gap."""


async def hear_again(
    scene: Scene, struck_at: float, *, seconds: float = LISTEN_SECONDS, after: float | None = None
) -> Recovery | None:
    """Wait until the song sounded for ``seconds`` after the fault showed (or ``after``), and find the interruption.

    On a busy machine sound may come in pieces too short to be placed in the song: then more of it is waited for.
    """
    since = struck_at + 1.0 if after is None else after
    found = None
    for attempt in range(1, LISTENING_ATTEMPTS + 1):
        windows = round(10 * seconds * attempt)
        await scene.ear.wait_until(
            lambda windows=windows: len(sounding_since(scene.ear.heard, since)) >= windows,  # type: ignore[misc]  # no type is inferred for a default
            PATIENCE_SECONDS,
        )
        found = found or interruption(scene.ear.heard, scene.playing.melody, since=struck_at)
        if found is not None:
            break
    return found


def judge(report: Report, name: str, scene: Scene, found: Recovery | None, *, gap: float) -> None:
    """The gap and the jump, told and held against what is promised. Raises :class:`StepFailed`."""
    if found is None:
        raise StepFailed(f"{name}: the song in guild {scene.name} did not go on")
    report.figure(f"{name}_gap_seconds_{scene.name}", found.gap_seconds)
    report.figure(f"{name}_jump_seconds_{scene.name}", found.jump_seconds)
    sentence = f"{name}: {scene.name} was silent for {found.gap_seconds:.2f} s, and jumped {found.jump_seconds:+.2f} s"
    if found.gap_seconds > gap or abs(found.jump_seconds) > POSITION_SECONDS:
        raise StepFailed(f"{sentence}; promised are {gap} s and {POSITION_SECONDS} s")
    report.tell(sentence)


async def obeyed(ground: Ground, report: Report, name: str, scene: Scene) -> None:
    """A pause silences and a resume sounds again: commands reach whoever plays."""
    asked_at = now()
    await scene.says("pause")
    bot = ground.app.application_id
    await ground.until(
        "the music pauses", lambda: not sounding_since(scene.ear.heard, now() - 1.0) and bot, PATIENCE_SECONDS
    )
    paused_at = scene.ear.heard[-1].time
    await scene.says("resume")
    await scene.ear.wait_until(lambda: len(sounding_since(scene.ear.heard, paused_at + 0.9)) >= 10, PATIENCE_SECONDS)
    report.figure(f"{name}_pause_seconds_{scene.name}", max(paused_at - asked_at, 0.0))
    report.tell(f"{name}: /pause and /resume were obeyed; the pause took {max(paused_at - asked_at, 0):.2f} s")


def says(task: Task, words: str) -> bool:
    """Whether the worker has logged these words."""
    return task.log.exists() and words in task.log.read_text(errors="replace")
