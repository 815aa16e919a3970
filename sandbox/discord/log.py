"""What the fake Discord was asked, in order, for tests to look at afterwards.

Entries are bounded: a demo left running over night must not grow without end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

LIMIT = 20_000


@dataclass(frozen=True)
class Identify:
    """A gateway IDENTIFY. ``refused`` is why it was not granted, or ``None``."""

    at: float
    application_id: int | None
    shard: tuple[int, int]
    intents: int
    session_id: str | None
    refused: str | None = None


@dataclass(frozen=True)
class Resume:
    """A gateway RESUME, with the number of events that were replayed."""

    at: float
    session_id: str
    sequence: int
    replayed: int
    refused: str | None = None


@dataclass(frozen=True)
class VoiceStateRequest:
    """An op 4: the bot asked to join, move or (``channel_id`` is ``None``) leave.

    ``ignored`` says why Discord kept silent, if it did.
    """

    at: float
    session_id: str
    guild_id: int
    channel_id: int | None
    ignored: str | None = None


@dataclass(frozen=True)
class GatewayClose:
    """A gateway connection ended. ``by_client`` tells who closed it; code 1006 is a connection that just broke."""

    at: float
    session_id: str | None
    code: int
    by_client: bool


@dataclass(frozen=True)
class VoiceIdentify:
    """An op 0 or (``resumed``) op 7 on the voice gateway."""

    at: float
    guild_id: int
    user_id: int
    resumed: bool
    refused: int | None = None


@dataclass(frozen=True)
class VoiceClose:
    """A voice gateway connection ended."""

    at: float
    guild_id: int | None
    code: int
    by_client: bool


@dataclass(frozen=True)
class DaveTransition:
    """A change of a call's end-to-end encryption was executed. ``late`` are users who never said they were ready."""

    at: float
    channel_id: int
    transition_id: int
    version: int
    epoch: int
    users: tuple[int, ...]
    late: tuple[int, ...]


@dataclass(frozen=True)
class DaveRefusal:
    """A commit that was not broadcast: late, incomplete, or wrong."""

    at: float
    channel_id: int
    user_id: int
    why: str


@dataclass(frozen=True)
class RestCall:
    """One REST request and the status it got. ``body`` is the parsed JSON, if there was any."""

    at: float
    method: str
    path: str
    status: int
    application_id: int | None
    body: Any = None


Entry = (
    Identify
    | Resume
    | VoiceStateRequest
    | GatewayClose
    | VoiceIdentify
    | VoiceClose
    | DaveTransition
    | DaveRefusal
    | RestCall
)
E_ = TypeVar("E_", bound=Entry)


class Log:
    """Iterate it for everything in order, or take one kind by its property."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=LIMIT)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def clear(self) -> None:
        self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def _of(self, kind: type[E_]) -> list[E_]:
        return [entry for entry in self._entries if isinstance(entry, kind)]

    @property
    def identifies(self) -> list[Identify]:
        return self._of(Identify)

    @property
    def resumes(self) -> list[Resume]:
        return self._of(Resume)

    @property
    def voice_state_requests(self) -> list[VoiceStateRequest]:
        return self._of(VoiceStateRequest)

    @property
    def gateway_closes(self) -> list[GatewayClose]:
        return self._of(GatewayClose)

    @property
    def voice_identifies(self) -> list[VoiceIdentify]:
        return self._of(VoiceIdentify)

    @property
    def voice_closes(self) -> list[VoiceClose]:
        return self._of(VoiceClose)

    @property
    def dave_transitions(self) -> list[DaveTransition]:
        return self._of(DaveTransition)

    @property
    def dave_refusals(self) -> list[DaveRefusal]:
        return self._of(DaveRefusal)

    @property
    def rest_calls(self) -> list[RestCall]:
        return self._of(RestCall)
