"""The story: seven steps, each of which has to hold."""

from __future__ import annotations

from sandbox.demo import acts, prologue
from sandbox.demo.report import Report
from sandbox.demo.stage import Stage

STEPS = (
    ("The infrastructure is deployed with the real cdk command, and the bot falls asleep", prologue.deploy),
    ("An operator sets secrets, registers commands and the interactions endpoint", prologue.set_up),
    ("Two members in two guilds each play a song; the bot wakes from zero", acts.play_both),
    ("Each listener hears the own guild's melody and nothing of the other's", acts.listen),
    ("Commands of both guilds interleave; each queue is explained by its own guild's alone", acts.interleave),
    ("The worker is killed in mid-song; playback comes back by itself", acts.kill),
    ("Both guilds stop; the service scales back to zero", acts.stop),
)


async def tell(stage: Stage, report: Report) -> None:
    """Play the whole story. Raises ``StepFailed`` at the first step that does not hold."""
    for name, act in STEPS:
        with report.step(name):
            await act(stage, report)
