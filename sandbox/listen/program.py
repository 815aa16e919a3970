"""From the command line to the exit code: listens to one input after another, and tells of each."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence

from sandbox.listen.arguments import Asked, read_arguments
from sandbox.listen.outcome import BROKEN, HEARD, Outcome
from sandbox.listen.stage import listen_to

TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """The worst exit code of all inputs. Ctrl-C cleans up, and goes on to whoever called."""
    asked = read_arguments(arguments)
    # What the sandbox logs is about itself; what is to be said of the input is said by the outcome.
    logging.basicConfig(handlers=[logging.NullHandler()])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be anything
    try:
        return asyncio.run(_listen_to_all(asked))
    except asyncio.CancelledError:
        return TERMINATED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it leaves
        return BROKEN
    except Exception as error:  # whatever it is, it says nothing of the input, and a trace helps nobody here
        print(f"python -m sandbox.listen: it failed itself ({type(error).__name__}: {error})", file=sys.stderr)
        return BROKEN


async def _listen_to_all(asked: Asked) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    worst = HEARD
    for one in asked.inputs:
        outcome = await listen_to(one, asked)
        _tell(outcome, asked)
        worst = max(worst, outcome.exit_code)
    return worst


def _tell(outcome: Outcome, asked: Asked) -> None:
    if asked.json:
        print(json.dumps(outcome.as_json()), flush=True)
    else:
        print("\n".join(outcome.as_table()), flush=True)
    if outcome.sentence:
        print(f"python -m sandbox.listen: {outcome.input}: {outcome.sentence}", file=sys.stderr)
