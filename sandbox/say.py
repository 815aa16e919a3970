"""Say something in a running sandbox: ``python -m sandbox.say --guild a "/play http://..."``."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

ADDRESS_FILE = Path("build/sandbox.json")
TIMEOUT_SECONDS = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Print what the member is shown. Returns 0 if the bot answered, 1 if it failed, 2 if nothing could be asked."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.say", description="Type a command in the sandbox's Discord."
    )
    parser.add_argument(
        "text", nargs="?", help='the command, e.g. "/play http://..."; without it, the guilds are listed'
    )
    parser.add_argument("--guild", default="a", help="the guild's name (default: a)")
    parser.add_argument("--member", help="who says it (default: the guild's first member)")
    parser.add_argument("--address-file", type=Path, default=ADDRESS_FILE, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        control_url = json.loads(options.address_file.read_text())["control_url"]
    except (OSError, ValueError, KeyError):
        print(
            f"No sandbox runs here ({options.address_file} is missing). Start one with: make demo KEEP=1",
            file=sys.stderr,
        )
        return 2
    if options.text is None:
        return _ask(f"{control_url}/guilds", None)
    return _ask(f"{control_url}/say", {"guild": options.guild, "member": options.member, "text": options.text})


def _ask(url: str, body: dict[str, object] | None) -> int:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            if body is not None:
                return _shown(answer)
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            print(json.load(error).get("refused", error.reason), file=sys.stderr)
        return 2
    except OSError as error:
        print(f"The sandbox at {url} does not answer ({error}). Is it still running?", file=sys.stderr)
        return 2
    for guild in told:
        people = ", ".join(f"{name} in {place}" if place else name for name, place in guild["members"].items())
        bot = f"in {guild['bot_in']}" if guild["bot_in"] else "away"
        print(f"{guild['name']}: {people or 'nobody'}; the bot is {bot}")
    return 0


def _shown(answer: Iterable[bytes]) -> int:
    """Print what the member reads, as it comes: the answer, and what it is edited to."""
    status, printed = 0, 0
    for line in answer:
        told = json.loads(line)
        texts = told["texts"] if not told["failed"] else [told["failed"]]
        status = 1 if told["failed"] else 0
        for text in texts[printed:]:
            print(f"now: {text}" if printed else text, flush=True)
            printed += 1
    return status


if __name__ == "__main__":
    sys.exit(main())
