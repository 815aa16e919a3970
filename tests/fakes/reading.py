"""Reading streams without a lane."""

from __future__ import annotations

from collections.abc import Callable

from timmybot.ports.track_source import FrameStream, Gap


def read(stream: FrameStream) -> bytes | Gap:
    """The next frame, or why there is none."""
    run = stream.run()
    return run if isinstance(run, Gap) else run.take()


class Reader:
    """Takes frame by frame and looks at the stream only when it must, as lanes do."""

    def __init__(self, stream: FrameStream) -> None:
        self._stream = stream
        self._take: Callable[[], bytes] | None = None
        self._left = 0

    def read(self) -> bytes | Gap:
        if self._left and self._take is not None:
            self._left -= 1
            try:
                return self._take()
            except IndexError:
                pass
        run = self._stream.run()
        if isinstance(run, Gap):
            self._left = 0
            return run
        self._take, self._left = run.take, run.frames - 1
        return run.take()
