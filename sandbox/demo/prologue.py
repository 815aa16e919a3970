"""Steps 1 and 2: what an operator does before anyone can play anything."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from sandbox.demo.report import Report, StepFailed
from sandbox.demo.stage import Stage

ENVIRONMENT = "dev"
SLEEP_SECONDS = 60.0


async def deploy(stage: Stage, report: Report) -> None:
    """The real cdk command deploys every stack; the first task finds placeholders and the service falls asleep."""
    deployment = await stage.cloud.deploy(ENVIRONMENT)
    report.figure("synthesis_seconds", deployment.synthesis_seconds)
    report.figure("deploy_seconds", deployment.deploy_seconds)
    report.tell(f"{len(deployment.stacks)} stacks deployed in {deployment.deploy_seconds:.1f} s")
    await stage.cloud.wait_for_tasks(0, timeout=SLEEP_SECONDS)
    report.tell("the first task found placeholder secrets, said so, idled; the service settled at zero tasks")


async def set_up(stage: Stage, report: Report) -> None:
    """Secrets, commands and the interactions endpoint, the way the deployment guide says."""
    app = stage.app
    await stage.cloud.put_secret("bot-token", app.bot_token)
    fields = {"application_id": str(app.application_id), "public_key": app.public_key}
    await stage.cloud.put_secret("application", json.dumps(fields))
    said = await _timmybot(stage, "register", "--endpoint", stage.cloud.function_url)
    report.tell(said)
    report.tell("Discord probed it: a signed PING was answered, bad signatures were refused")


async def _timmybot(stage: Stage, *arguments: str) -> str:
    """Run the ``timmybot`` command as an operator would, and return what it said. Raises :class:`StepFailed`."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.prefix) / "bin" / "timmybot"),
        *arguments,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "TIMMYBOT_DISCORD_API_URL": stage.discord.api_url,
            "TIMMYBOT_BOT_TOKEN": stage.app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(stage.app.application_id),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    said = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise StepFailed(f"timmybot {arguments[0]} failed: {said}")
    return said
