"""Steps 1 and 2: what an operator does before anyone can play anything."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import urllib3

from sandbox.cloud import Cloud
from sandbox.demo.report import Report, StepFailed
from sandbox.demo.stage import Stage
from sandbox.discord import Application, FakeDiscord

ENVIRONMENT = "dev"
SLEEP_SECONDS = 60.0
COLD_START_SECONDS = 30.0


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
    report.tell(await operate(stage.cloud, stage.discord, stage.app))
    report.tell("Discord probed it: a signed PING was answered, bad signatures were refused")


async def operate(cloud: Cloud, discord: FakeDiscord, app: Application) -> str:
    """Set the secrets and register the bot, as an operator does; return what ``timmybot register`` said.

    Discord gives a new endpoint three seconds, which a cold function on a busy machine may miss: it is called once
    before. Raises :class:`StepFailed`.
    """
    await cloud.put_secret("bot-token", app.bot_token)
    fields = {"application_id": str(app.application_id), "public_key": app.public_key}
    await cloud.put_secret("application", json.dumps(fields))
    await asyncio.to_thread(
        urllib3.request, "POST", cloud.function_url, body=b"{}", timeout=COLD_START_SECONDS, retries=False
    )
    status, said = await _register(cloud, discord, app)
    if status != 0:
        raise StepFailed(f"timmybot register failed: {said}")
    return said


async def _register(cloud: Cloud, discord: FakeDiscord, app: Application) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.prefix) / "bin" / "timmybot"), "register", "--endpoint", cloud.function_url),
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "TIMMYBOT_DISCORD_API_URL": discord.api_url,
            "TIMMYBOT_BOT_TOKEN": app.bot_token,
            "TIMMYBOT_APPLICATION_ID": str(app.application_id),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace").strip()
