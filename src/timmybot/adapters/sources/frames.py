"""What a buffer is filled from."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from timmybot.adapters.sources.ramp import Ramp
from timmybot.ports.track_source import Sound


class Frames(Protocol):
    """Used on the filling threads only, by one at a time, but for ``abort`` and ``received``."""

    live: bool

    @property
    def begins_ms(self) -> float:
        """The earliest place that frames can be made from."""
        ...

    @property
    def received(self) -> int:
        """How many bytes have come. Begins at 0 again with each file that is opened. From any thread."""
        ...

    def frames(
        self, position_ms: float, sound: Sound, ramp: Ramp | None
    ) -> Generator[Sequence[bytes] | None, None, None]:
        """Runs of frames from a place on, in place of an earlier generator. May wait, and raise :class:`TrackError`.

        ``None`` says that there is nothing for now.
        """
        ...

    def abort(self) -> None:
        """Stop waiting. From any thread."""
        ...

    def close(self) -> None: ...
