"""A task small enough to reason about: says what it was told, emits metrics, and leaves when asked.

Run as the image's entry point would be: ``<this> worker``. Its metrics report as many active players as the
file that ``STAND_IN_ACTIVE`` names says.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType


def main() -> int:
    leaving = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        print("asked to leave", flush=True)
        leaving.set()

    signal.signal(signal.SIGTERM, leave)
    (Path(os.environ["HOME"]) / "told.json").write_text(json.dumps({"argv": sys.argv[1:], **os.environ}))
    print("up", flush=True)
    while not leaving.wait(float(os.environ["TIMMYBOT_METRICS_SECONDS"])):
        active = float(Path(os.environ["STAND_IN_ACTIVE"]).read_text())
        directive = {
            "Namespace": "TimmyBot",
            "Dimensions": [["Environment"]],
            "Metrics": [{"Name": "Active", "Unit": "Count"}, {"Name": "Players", "Unit": "Count"}],
        }
        line = {
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]},
            "Environment": os.environ["TIMMYBOT_ENVIRONMENT"],
            "Active": active,
            "Players": active,
        }
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
