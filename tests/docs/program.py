"""What the program really has: the other side of every comparison with the documents."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields

from tests.docs.documents import ROOT
from timmybot.adapters.metrics import UNITS
from timmybot.adapters.secrets import environment as secret_variables
from timmybot.entrypoints.cli import parser
from timmybot.services.command_definitions import DEFINITIONS
from timmybot.settings import PREFIX, Settings


def slash_commands() -> set[str]:
    return {str(definition["name"]) for definition in DEFINITIONS}


def subcommands() -> dict[str, set[str]]:
    """The long options of each subcommand of ``timmybot``."""
    (action,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return {
        name: {option for each in sub._actions for option in each.option_strings if option.startswith("--")}
        for name, sub in action.choices.items()
    }


def settings() -> dict[str, str]:
    """The default of each setting as an operator would write it, by the variable's name."""
    return {f"{PREFIX}{field.name.upper()}": _written(field.default) for field in fields(Settings)}


def secrets() -> set[str]:
    return {secret_variables.BOT_TOKEN, secret_variables.APPLICATION_ID, secret_variables.PUBLIC_KEY}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def stacks() -> set[str]:
    """Read from the text: importing the CDK takes longer than all of these tests."""
    return set(re.findall(r'\badd\(\w+, "([a-z-]+)"\)', (ROOT / "infra" / "app.py").read_text()))


def alarms() -> set[str]:
    """The alarms' names without their environment's prefix."""
    components = ROOT / "infra" / "components"
    of_members = re.findall(r'self\._alarm\(\s*"([a-z-]+)"', (components / "alarms.py").read_text())
    of_scaling = re.findall(r'alarm_name=f"{[\w.]+}-([a-z-]+)"', (components / "worker_scaling.py").read_text())
    return {*of_members, *of_scaling}


def emitted_metrics() -> set[str]:
    """The names that some line of the source gives a figure, beside the table of units itself.

    What the players count reaches nobody unless somebody asks for their ``figures()``.
    """
    code = {path: path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "metrics.py"}
    if not any(".figures()" in text for text in code.values()):
        del code[ROOT / "src/timmybot/adapters/discord_voice/players.py"]
    return {name for name in UNITS if any(f'"{name}":' in text for text in code.values())}


def known_metrics() -> set[str]:
    return set(UNITS)


def _written(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default)
