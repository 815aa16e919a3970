"""``timmybot run`` whose media children can be struck at a chosen moment. Run by test_the_worst_day, by its path.

It listens at the socket ``STRIKES``. A line names a signal, and the path of a link: that link's child is sent the
signal, at once or, behind ``at work``, in the middle of its work for that link. The answer is the child's process id.
With ``DECODING_IN_WORKER`` set, FFmpeg runs on a thread of this process, as it did before there were media children.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from timmybot.adapters.sources import media_child
from timmybot.adapters.sources.children.ready import UNCONFINED
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.media_child import MediaChild
from timmybot.adapters.sources.media_mark import MARK_BYTES
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.entrypoints import assemble
from timmybot.entrypoints.cli import main

PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.002


class Striking:
    def __init__(self, media: MediaPool, path: str) -> None:
        self._media = media
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen()
        threading.Thread(target=self._serve, name="strikes", daemon=True).start()

    def _serve(self) -> None:
        while True:
            asking, _ = self._listening.accept()
            with asking:
                name, link, *when = asking.recv(1_000).decode().splitlines()
                struck = self._strike(signal.Signals[name], link, at_work=bool(when))
                asking.sendall(str(struck).encode())

    def _strike(self, how: signal.Signals, link: str, *, at_work: bool) -> int:
        """The process id of the child that was struck; 0 if none was."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            for child, streams in self._children_of(link):
                if not at_work:
                    os.kill(child.pid, how)
                    return child.pid
                if self._struck_at_work(child, streams, how):
                    return child.pid
            time.sleep(PAUSE_SECONDS)
        return 0

    def _children_of(self, link: str) -> list[tuple[MediaChild, set[int]]]:
        found = []
        for child in self._media.children:
            ours = {number for number, session in list(child.sessions.items()) if link in _url(session)}
            if ours and child.ready and not child.ended:
                found.append((child, ours))
        return found

    @staticmethod
    def _struck_at_work(child: MediaChild, streams: set[int], how: signal.Signals) -> bool:
        """Stop it, look whom it works for, and let it go on unless that is one of ``streams``."""
        if child.pid == os.getpid():  # who decodes here cannot be stopped to be looked at
            os.kill(child.pid, how)
        os.kill(child.pid, signal.SIGSTOP)
        while _state(child.pid) not in "TZX":
            time.sleep(0)
        struck = child.at_work in streams
        if struck:
            os.kill(child.pid, how)
        os.kill(child.pid, signal.SIGCONT)
        return struck


class InThisProcess:
    """As much of a ``Popen`` as the media pool asks for."""

    def __init__(self, control: socket.socket, mark: IO[bytes]) -> None:
        self.pid = os.getpid()
        self._control = control.dup()
        self._memory = mmap.mmap(mark.fileno(), MARK_BYTES)
        self._thread = threading.Thread(target=self._serve, name="FFmpeg", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        from timmybot.adapters.sources.children.media import process, work  # noqa: PLC0415  # FFmpeg, only if asked for

        self._control.sendall(UNCONFINED)
        process._serve(self._control, work.Work(self._memory))

    def wait(self, timeout: float | None = None) -> int:
        self._thread.join(timeout)
        return 0

    def kill(self) -> None:
        self._control.shutdown(socket.SHUT_RDWR)


def begin_in_this_process(
    command: Sequence[str], theirs: socket.socket, mark: IO[bytes], path: str | None
) -> InThisProcess:
    return InThisProcess(theirs, mark)


class StruckSource(HttpTrackSource):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        Striking(self.media, os.environ["STRIKES"])


def _url(session: Any) -> str:
    file = session._file
    return "" if file is None else str(file._content._url)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


if __name__ == "__main__":
    if os.environ.get("DECODING_IN_WORKER"):
        setattr(media_child, "_begin", begin_in_this_process)  # noqa: B010
    setattr(assemble, "HttpTrackSource", StruckSource)  # noqa: B010  # the one place that joins the parts
    sys.exit(main())
