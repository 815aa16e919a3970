"""Run as a child: ``timmybot run``, which is interrupted while it imports, or which does not get on when it stops.

Arguments: ``import MODULE``, or ``stop`` and how stopping goes wrong.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from timmybot.entrypoints.cli import main


class InterruptedAt(MetaPathFinder):
    """Ctrl-C in the very moment in which a module is looked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if name == self._module:
            sys.meta_path.remove(self)
            print("interrupted", flush=True)
            os.kill(os.getpid(), signal.SIGINT)


def stop_badly(how: str) -> None:
    from timmybot.entrypoints import run  # noqa: PLC0415

    async def serve(*arguments: object) -> None:
        stop = arguments[-1]
        assert isinstance(stop, asyncio.Event)
        print("up", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        if how == "blocked":
            threading.Event().wait()
        await asyncio.Event().wait()

    run.run = serve  # type: ignore[assignment]


if __name__ == "__main__":
    if sys.argv[1] == "import":
        for each in [name for name in sys.modules if name.split(".")[0] == sys.argv[2]]:
            del sys.modules[each]  # this child has imported it already
        sys.meta_path.insert(0, InterruptedAt(sys.argv[2]))
    else:
        stop_badly(sys.argv[2])
    sys.exit(main(["run", "--database", os.devnull]))
