"""The ``timmybot`` command.

What a subcommand needs is imported when it is chosen, so that ``--help`` and a typo answer at once; asyncio alone takes
as long as all the rest of that answer. Everything else is imported inside of :func:`main`, where
Ctrl-C is no traceback.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    import asyncio
    from collections.abc import Awaitable, Callable

    from timmybot.settings import Settings

FAILED = 1
MISUSED = 2
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    import argparse  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    top = argparse.ArgumentParser(prog="timmybot", description="A Discord music bot in which no guild sees another.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the whole bot here, with a token and a SQLite file, without AWS")
    run.add_argument(
        "--database",
        type=Path,
        default=Path("timmybot.sqlite3"),
        help="where queues are kept (default: %(default)s)",
    )
    run.set_defaults(start=_run)

    worker = commands.add_parser("worker", help="run one worker on AWS (this is what a Fargate task runs)")
    worker.set_defaults(start=_worker)

    register = commands.add_parser("register", help="register the slash commands with Discord")
    where = register.add_mutually_exclusive_group()
    where.add_argument("--endpoint", metavar="URL", help="have Discord send commands to this URL (the front door's)")
    where.add_argument("--no-endpoint", action="store_true", help="have Discord send commands over the gateway")
    register.set_defaults(start=_register)

    cost = commands.add_parser("cost", help="price a month of an environment on AWS, from its synthesised templates")
    cost.add_argument("--env", default="dev", choices=["dev", "prod"], help="which environment (default: %(default)s)")
    cost.add_argument("--hours", type=_hours, default=0.0, help="hours a month in which somebody listens")
    cost.add_argument("--templates", type=Path, help="where they are (default: build/cdk.out/ENV)")
    cost.add_argument("--free-tier", action="store_true", help="take off what AWS gives beside CloudWatch's allowance")
    cost.add_argument("--json", action="store_true", help="for programs")
    cost.set_defaults(start=_cost)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    try:
        return _start(parser().parse_args(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED


def _start(chosen: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    from timmybot.entrypoints.logs import set_up_logging  # noqa: PLC0415
    from timmybot.ports.discord import DiscordError  # noqa: PLC0415
    from timmybot.ports.secrets import SecretMissing  # noqa: PLC0415
    from timmybot.settings import SettingError, load  # noqa: PLC0415

    set_up_logging()
    try:
        status: int = asyncio.run(chosen.start(chosen, load()))
    except SettingError as error:
        return _say(str(error), MISUSED)
    except (SecretMissing, DiscordError) as error:
        return _say(str(error), FAILED)
    except asyncio.CancelledError:  # by a second Ctrl-C
        return INTERRUPTED
    return status


async def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    from timmybot.adapters.sqlite import DatabaseRefused  # noqa: PLC0415
    from timmybot.entrypoints.run import CannotRun, run  # noqa: PLC0415

    try:
        await _until_stopped(lambda stop: run(settings, chosen.database, stop))
    except (CannotRun, DatabaseRefused) as error:
        return _say(str(error), FAILED)
    return 0


async def _worker(_: argparse.Namespace, settings: Settings) -> int:
    from timmybot.entrypoints.worker import run  # noqa: PLC0415

    await _until_stopped(lambda stop: run(settings, stop))
    return 0


async def _register(chosen: argparse.Namespace, settings: Settings) -> int:
    from timmybot.entrypoints.register import register  # noqa: PLC0415

    for sentence in await register(settings, endpoint=chosen.endpoint, clear_endpoint=chosen.no_endpoint):
        print(sentence)
    return 0


async def _cost(chosen: argparse.Namespace, _: Settings) -> int:
    from timmybot.adapters.assembly import NoAssembly  # noqa: PLC0415
    from timmybot.adapters.price_table import NoPrices  # noqa: PLC0415
    from timmybot.entrypoints.cost import as_json, as_text, costs  # noqa: PLC0415

    try:
        found = costs(chosen.env, chosen.templates)
        print((as_json if chosen.json else as_text)(found, chosen.hours, free_tier=chosen.free_tier))
    except (NoAssembly, NoPrices) as error:
        return _say(str(error), FAILED)
    return 0


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 <= hours < float("inf"):
        raise ValueError
    return hours


async def _until_stopped(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    import asyncio  # noqa: PLC0415

    from timmybot.entrypoints.memory import hold_little  # noqa: PLC0415
    from timmybot.entrypoints.process_hardening import keep_others_out  # noqa: PLC0415
    from timmybot.entrypoints.signals import stop_on_signals  # noqa: PLC0415

    keep_others_out()
    hold_little()
    stop = asyncio.Event()
    stop_on_signals(stop, interrupted=INTERRUPTED)
    await asyncio.sleep(0)  # where an interrupt during the imports, which wait for nothing, takes effect
    await serve(stop)


def _say(sentence: str, status: int) -> int:
    print(f"timmybot: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
