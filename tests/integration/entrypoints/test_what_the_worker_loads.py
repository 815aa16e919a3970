"""FFmpeg reads strangers' files: it is in media children, which hold no secret, and never in the worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

WORKER = ("timmybot.entrypoints.run", "timmybot.entrypoints.worker", "timmybot.entrypoints.assemble")


def loads_ffmpeg(*modules: str) -> bool:
    """Whether a process that imports ``modules`` has FFmpeg loaded, as a module or as a library."""
    program = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        "from pathlib import Path\nmaps = Path('/proc/self/maps')\n"
        "print('av' in sys.modules or (maps.exists() and '/libavcodec' in maps.read_text()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_the_worker_loads_no_ffmpeg() -> None:
    assert not loads_ffmpeg(*WORKER)


@pytest.mark.parametrize("module", ["process", "session"])
def test_negative_control_a_media_child_does(module: str) -> None:
    assert loads_ffmpeg(f"timmybot.adapters.sources.children.media.{module}")
