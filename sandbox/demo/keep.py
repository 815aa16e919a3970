"""``make demo KEEP=1``: leaves the stage standing, and says how to play on it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from sandbox.demo.report import Report
from sandbox.demo.stage import Stage
from sandbox.discord.control import Control

ADDRESS_FILE = Path(__file__).parents[2] / "build" / "sandbox.json"


async def keep_running(stage: Stage, report: Report) -> None:
    """Take commands from other terminals until Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Control(stage.discord, ADDRESS_FILE) as control:
        say = ".venv/bin/python -m sandbox.say"
        if control.address_file != ADDRESS_FILE:  # another sandbox runs in this directory
            say += f" --address-file build/{control.address_file.name}"
        report.line("\nEverything is left running until Ctrl-C. From another terminal, in this directory:")
        for scene in stage.scenes:
            report.line(f'  {say} --guild {scene.name} "/play {scene.songs[0].url}"')
        report.line(f'  {say} --guild A "/queue"')
        report.line(f'  {say} --guild A --member mona "/settings leave_after:0"   (mona may manage the server)')
        report.line(f"  {say}            (who is where)")
        await stop.wait()
    report.line("Stopping.")
