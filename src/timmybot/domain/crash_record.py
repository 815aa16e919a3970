"""What is known of the crashes that the present playing was part of: written down before it is tried again.

A track may bring down the process that decodes it, and then it is known which one it was. Or it brings down the worker,
and then every guild of that worker was playing something. So that no innocent song is skipped, a death alone proves
nothing: it only makes suspects of the playings that two workers in a row died with. A suspect is **marked** before it
is opened, and only who was marked when the worker died is counted further: once among a few others that were tried at
the same time, and once more on its own. A playing that was marked both times is the culprit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

GOT_ON_MS: Final = 10_000
"""How far a playing has to come, in its track, for what happened before not to count against it any more."""
_SUSPECT: Final = 2
_ALONE: Final = 3
_CULPRIT: Final = 4


@dataclass(frozen=True)
class CrashRecord:
    decoder: int = 0
    """How often it ended the process that decodes it."""
    worker: int = 0
    """How many workers in a row died while it was played, and it did not get on in between."""
    position_ms: int = 0
    """Where it was when the first of these died."""
    marked: bool = False
    """It is being tried: if the worker dies now, it was there."""

    @property
    def is_suspect(self) -> bool:
        """Whether it is to be marked before it is opened."""
        return self.worker >= _SUSPECT

    @property
    def is_tried_alone(self) -> bool:
        """Whether no other suspect is to be tried at the same time."""
        return self.worker >= _ALONE

    @property
    def is_culprit(self) -> bool:
        return self.worker >= _CULPRIT

    @property
    def is_decoded_alone(self) -> bool:
        """Whether no other track may be decoded in the same process. Such a process costs memory: not for each of many
        suspects that are tried together."""
        return self.decoder > 0 or self.is_tried_alone

    @property
    def is_opened_with_care(self) -> bool:
        """Whether there is something to be done before it is opened, so that it is not to be opened beforehand."""
        return self.decoder > 0 or self.is_suspect

    def is_in_doubt(self, position_ms: int) -> bool:
        """Whether a worker died with it and it has not got on since; ``position_ms`` is where it is now."""
        return self.worker > 0 and position_ms < self.position_ms + GOT_ON_MS

    def after_a_death(self, position_ms: int) -> Self:
        """A worker died without handing it over, when it was at ``position_ms`` as far as anybody knows."""
        if self.is_suspect:
            return replace(self, worker=self.worker + 1, marked=False) if self.marked else self
        if self.is_in_doubt(position_ms):
            return replace(self, worker=self.worker + 1)
        return replace(self, worker=1, position_ms=position_ms)

    def after_a_decoders_crash(self) -> Self:
        return replace(self, decoder=self.decoder + 1)

    def tried(self) -> Self:
        """It is about to be opened, as a suspect."""
        return replace(self, marked=True)

    def put_off(self) -> Self:
        """It is not played any more, and is to be tried another time."""
        return replace(self, marked=False)

    def cleared(self) -> Self:
        """It was tried and got on: no worker's death counts against it."""
        return replace(self, worker=0, position_ms=0, marked=False)


NO_CRASHES: Final = CrashRecord()
