"""What a member sees of the answer to a command: the first answer, its edits, follow-ups, each with its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

EPHEMERAL = 1 << 6
LOADING = 1 << 7

DID_NOT_RESPOND = "The application did not respond"
"""What Discord's client says when no answer came within 3 seconds, or not a valid one."""


@dataclass(frozen=True)
class Version:
    """How a message read from ``at`` on (seconds, the clock's monotonic time)."""

    at: float
    content: str
    payload: Json


@dataclass(eq=False)
class ShownMessage:
    """One message as the member sees it: its versions, the last one current."""

    id: int
    ephemeral: bool
    versions: list[Version] = field(default_factory=list)
    deleted: bool = False

    @property
    def content(self) -> str:
        return self.versions[-1].content if self.versions else ""


class Shown:
    """The answer to one command, which goes on changing as the bot edits it."""

    def __init__(self, asked_at: float) -> None:
        self.asked_at = asked_at
        self.thinking = False
        """Deferred and not filled in yet."""
        self.failed: str | None = None
        """What Discord tells the member when the application failed, or ``None``."""
        self.answered_after_seconds: float | None = None
        self.original: ShownMessage | None = None
        self.follow_ups: list[ShownMessage] = []
        self._waiters: set[asyncio.Event] = set()

    @property
    def content(self) -> str:
        """The current text of the answer; empty while it thinks, or after it failed."""
        return self.original.content if self.original and not self.original.deleted else ""

    @property
    def ephemeral(self) -> bool:
        """Only the member who asked sees it."""
        return self.original is not None and self.original.ephemeral

    @property
    def payload(self) -> Json:
        """The current message as the bot sent it, with embeds, components and allowed mentions."""
        return self.original.versions[-1].payload if self.original and self.original.versions else {}

    @property
    def edits(self) -> list[Version]:
        """Every version of the answer after the first (after a deferral: every one)."""
        versions = self.original.versions if self.original else []
        return versions[1:]

    @property
    def texts(self) -> list[str]:
        """Everything that could be read so far: all versions of the answer and of the follow-ups."""
        messages = [self.original] if self.original else []
        return [version.content for message in [*messages, *self.follow_ups] for version in message.versions]

    def changed(self) -> None:
        """Wake whoever waits for something to be shown."""
        for event in self._waiters:
            event.set()

    async def has_more_than(self, texts: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether there are more than so many ``texts`` within ``timeout`` seconds."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            async with asyncio.timeout(timeout):
                while len(self.texts) <= texts:
                    event.clear()
                    await event.wait()
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(event)
        return True

    async def wait_for(self, wanted: Callable[[str], bool], timeout: float = 10.0) -> str:  # noqa: ASYNC109
        """The first text ever shown which is as wanted, waiting ``timeout`` seconds for it.

        Raises :class:`TimeoutError`, saying what was shown instead.
        """
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for text in self.texts:
                        if wanted(text):
                            return text
                    event.clear()
                    await event.wait()
        except TimeoutError:
            raise TimeoutError(
                f"not shown within {timeout} s; shown were {self.texts}, failed: {self.failed}"
            ) from None
        finally:
            self._waiters.discard(event)
