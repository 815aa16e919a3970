"""The command line of ``python -m sandbox.listen``."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sandbox.listen.actions import MOST_SECONDS, RESTART, Action, Misused, read_actions, seconds
from sandbox.listen.listening import Plan

USUAL_SECONDS: Final = 10.0
AFTER_AN_ACTION_SECONDS: Final = 5.0
AFTER_A_RESTART_SECONDS: Final = 20.0
"""After SIGKILL the bot waits for its own lease to run out before it goes on."""
_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_EPILOG: Final = """\
actions are NAME[=VALUE]@SECONDS, separated by spaces, counted from the first sound:
  pause@5 resume@7 skip@3 stop@9 previous@4 nowplaying@2 queue@2
  volume=50@10 speed=150@3 filter=bass@3 loop=track@1 skip=to:2@4 move=1,3@2
  play=FILE|URL@5      queue another one
  restart[=kill]@12    stop the bot by SIGTERM (or SIGKILL), and start it again over the same database
every slash command of the bot is an action. docs/listen.md describes them, the JSON and the exit codes:
  0 something was heard   1 nothing was heard   2 misuse   3 the worker ended by itself"""


@dataclass(frozen=True)
class Input:
    """A file of this machine or a link: ``file`` or ``url`` is set. ``named`` is what was typed."""

    named: str
    file: Path | None = None
    url: str | None = None


@dataclass(frozen=True)
class Asked:
    inputs: tuple[Input, ...]
    plan: Plan
    allow_hosts: tuple[str, ...]
    """``host:port`` pairs that the bot may fetch from although they are not public."""
    json: bool
    log: Path | None


def read_arguments(arguments: Sequence[str] | None = None) -> Asked:
    """Ends the program with status 2 where they make no sense."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        inputs = tuple(_input(text) for text in chosen.inputs)
        actions = tuple(_with_file(action) for action in read_actions(" ".join(chosen.do)))
        plan = Plan(_length(chosen.seconds, actions), actions)
        log = _writable(chosen.log) if chosen.log else None
    except Misused as misuse:
        parser.error(str(misuse))
    links = [each.url for each in inputs if each.url] + [
        str(action.options["url"]) for action in actions if action.name == "play"
    ]
    allowed = [pair for link in links for pair in _loopback(link)]
    return Asked(inputs, plan, tuple(dict.fromkeys([*chosen.allow, *allowed])), chosen.json, log)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.listen",
        description="Does this file or link play? The bot plays it in the sandbox's Discord, and a member tells.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("inputs", nargs="+", metavar="FILE|URL", help="a file of this machine, or a link")
    parser.add_argument("--do", action="append", default=[], metavar="ACTIONS", help='e.g. "pause@5 resume@7"')
    parser.add_argument(
        "--seconds",
        metavar="N",
        help=f"how long to listen from the first sound on (default: {USUAL_SECONDS:.0f}, or what the actions need)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each input")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="let the bot fetch from there although it is not public (a link's own loopback address is allowed anyway)",
    )
    parser.add_argument("--log", metavar="FILE", help="keep the bot's log there")
    return parser


def _input(text: str) -> Input:
    if _LINK.match(text):
        return Input(text, url=text)
    return Input(text, file=_file(text))


def _with_file(action: Action) -> Action:
    """With the file that it plays found on this machine."""
    url = action.options.get("url")
    if action.name != "play" or not isinstance(url, str) or _LINK.match(url):
        return action
    return Action(action.name, action.at_s, {**action.options, "url": str(_file(url))})


def _file(text: str) -> Path:
    path = Path(text)
    try:
        if not path.exists():
            raise Misused(f"there is no file {text!r}")
        if not path.is_file():
            raise Misused(f"{text!r} is no file")
        if not os.access(path, os.R_OK):
            raise Misused(f"{text!r} cannot be read")
        return path.absolute()
    except (OSError, ValueError) as error:
        raise Misused(f"{text!r} cannot be read ({error})") from None


def _length(text: str | None, actions: Sequence[Action]) -> float:
    """How long to listen. Raises :class:`Misused` where an action would come after the end."""
    if text is not None:
        length = seconds(text, "--seconds")
        if length <= 0:
            raise Misused("--seconds: listen for longer than 0 seconds")
        late = next((action for action in actions if action.at_s > length), None)
        if late is not None:
            raise Misused(f"--do: {late.name}@{late.at_s:g} comes after the end (--seconds {length:g})")
        return length
    needed = [
        action.at_s + (AFTER_A_RESTART_SECONDS if action.name == RESTART else AFTER_AN_ACTION_SECONDS)
        for action in actions
    ]
    return min(max([USUAL_SECONDS, *needed]), MOST_SECONDS)


def _writable(text: str) -> Path:
    try:
        Path(text).open("ab").close()
    except (OSError, ValueError) as error:
        raise Misused(f"--log: {text!r} cannot be written ({error})") from None
    return Path(text).absolute()


def _loopback(link: str) -> list[str]:
    """The link's ``host:port`` if that is this machine; nothing for any other."""
    try:
        parts = urlsplit(link)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        here = host.rstrip(".") == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return []
    return [f"{host}:{port}"] if here else []
