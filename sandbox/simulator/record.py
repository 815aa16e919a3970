"""What was seen of one life, for the judges: everything as it took effect, at true times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.simulator.choosing import NOTHING_CHOSEN, Chosen
from sandbox.simulator.plan import Command
from sandbox.simulator.virtual_time import Process
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, PlayId, ShardId, WorkerId
from timmybot.domain.sound import AS_IT_IS, Sound


@dataclass(frozen=True)
class Violation:
    """A promise that was broken. ``rule`` names it; the same rule must break for a shorter plan to count."""

    rule: str
    at: float
    what: str


@dataclass(frozen=True)
class Commit:
    """A write of a guild's state as it took effect."""

    at: float
    guild: GuildId
    by: str
    epoch: Epoch | None
    """What the writer asked for; ``None`` for a command."""
    before: GuildState
    after: GuildState


@dataclass(frozen=True)
class Beat:
    at: float
    made_at: float
    """When the worker's players were looked at for it."""
    worker: WorkerId
    positions: Mapping[PlayId, int]


@dataclass(frozen=True)
class Ownership:
    """A shard's owner from ``at`` on."""

    at: float
    shard: ShardId
    owner: WorkerId | None
    epoch: Epoch
    known_at: float = 0.0
    """When the owner had last read the heartbeats, by which it took the shard."""


@dataclass(frozen=True)
class Identify:
    at: float
    shard: ShardId
    wall_offset: float
    """Of the clock of the process that identified."""


@dataclass
class Segment:
    """A stretch of one playing that one worker sent without a break."""

    guild: GuildId
    worker: WorkerId
    play_id: PlayId
    tag: str
    heard: bool
    """Whether the worker's voice connection was the guild's. The others send into the void."""
    start: float
    from_ms: int
    end: float = float("inf")
    to_ms: int = 0
    sound: Sound = AS_IT_IS


@dataclass(frozen=True)
class Stored:
    """All of a guild's queue, by the tags of its tracks, and what it has chosen."""

    current: str | None
    waiting: tuple[str, ...]
    paused: bool
    channel: int | None
    loop: str = "off"
    chosen: Chosen = NOTHING_CHOSEN


@dataclass
class Operation:
    """One command as its member saw it, or something that happened in the world and may have had an effect.

    ``answer`` is ``None`` while none has come; what comes after ``returned`` had no answer either: unknown outcome.
    """

    guild: GuildId
    name: str
    invoked: float
    tag: str = ""
    channel: int = 0
    command: Command | None = None
    returned: float = float("inf")
    answer: str | None = None
    shown: Stored | None = None
    """What the store showed right after the command had taken effect, or to the operation that reads everything."""
    order: tuple[int, ...] | None = None
    """For a shuffle: where each of what waits now waited before. Tracks may be there twice, and entries are not."""
    playing: int = 0
    """Which of the guild's playings is over, for an end."""


@dataclass(frozen=True)
class Crash:
    """A playing brought down its decoder or its worker."""

    at: float
    guild: GuildId
    play_id: PlayId
    tag: str
    of_worker: bool
    alone: bool
    """Whether no other track was decoded beside it."""


@dataclass
class Record:
    commits: list[Commit] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    readings: dict[WorkerId, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When each worker read all heartbeats, in order."""
    ownerships: list[Ownership] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    troubles: list[tuple[float, float]] = field(default_factory=list)
    """When something was made to go wrong, from and to."""
    wakes: list[tuple[float, WorkerId]] = field(default_factory=list)
    """When a worker that had stood still for longer than the margin went on."""
    kills: list[tuple[float, WorkerId]] = field(default_factory=list)
    drains: list[tuple[float, WorkerId]] = field(default_factory=list)
    child_ends: list[tuple[float, Process]] = field(default_factory=list)
    """When a media child of which worker's process died, or began to stand still."""
    identifies: list[Identify] = field(default_factory=list)
    nudges: list[tuple[float, GuildId, str]] = field(default_factory=list)
    """Those that reached the inbox, and when."""
    read: dict[str, dict[str, float]] = field(default_factory=dict)
    """By nudge: when each worker read it first."""
    crashes: list[Crash] = field(default_factory=list)
    skips_told: list[tuple[float, GuildId, str]] = field(default_factory=list)
    """When a guild was told that a track was skipped as it brings down what plays it."""
    playings: dict[tuple[GuildId, PlayId], int] = field(default_factory=dict)
    """Every playing's number in its guild, as the store saw them begin."""
    owed: list[tuple[GuildId, int]] = field(default_factory=list)
    """Guild and interaction of every answer that was still owed at the end."""
    edits: dict[int, float] = field(default_factory=dict)
    """When the answer to each interaction was edited first."""
    told: list[tuple[float, GuildId, str]] = field(default_factory=list)
    """What guilds read, in their text channel or in an answer that was edited, and when."""
    violations: list[Violation] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    def violated(self, rule: str, at: float, what: str) -> None:
        self.violations.append(Violation(rule, at, what))
