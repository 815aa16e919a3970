"""What the bot may do to the service that runs it."""

from __future__ import annotations

from typing import Protocol


class ServiceScaler(Protocol):
    async def wake(self) -> None:
        """Have at least one worker. Best effort: a needless call is harmless. Raises ``ScalerUnavailable``."""
        ...


class ScalerUnavailable(Exception):
    """The service could not be woken. The message says which call was refused."""


class ScaleInProtection(Protocol):
    async def protect(self, wanted: bool) -> None:
        """Keep this task from being chosen for scale-in, for a short term to be renewed, or let it go."""
        ...
