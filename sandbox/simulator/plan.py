"""What a seed chooses: the guilds and their members' commands, the workers, and what goes wrong when.

A plan is plain data and everything else follows from it and its seed, so that it can be made shorter and run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from timmybot.ports.guild_store import CHANGE_LIMIT

SHARDS = 4
FIRST_COMMAND_AT = 4.0
CALM_SECONDS = 32.0
"""How long a life goes on after the last fault: longer than anything may take to recover."""


class Kind(Enum):
    """What can go wrong. The comment says what ``target`` and ``strength`` mean."""

    CRASH = "crash"  # target: a worker; one like it is started ``seconds`` later
    PAUSE = "pause"  # target: a worker, stopped for ``seconds``; strength > 0.25: in the middle of a call
    HANG = "sender hangs"  # target: a worker, whose players send no more; its event loop goes on
    DRAIN = "drain"  # target: a worker, sent SIGTERM; one like it is started ``seconds`` later
    SCALE_UP = "scale up"  # another worker is started
    DEPLOY = "deploy"  # a worker of a newer revision is started
    STORE_DOWN = "store down"  # target: a worker, or everyone
    STORE_LOSSY = "store lossy"  # strength: how many calls fail, half of them after they took effect
    THROTTLED = "throttled"  # strength: how many calls fail before they took effect
    SLOW = "slow calls"  # strength: how many calls take seconds, perhaps longer than anyone waits
    NUDGES_LOST = "nudges lost"
    NUDGES_LATE = "nudges late"
    NUDGES_DOUBLED = "nudges doubled"
    INDEX_LAG = "index lag"  # strength: seconds that the index of wanting guilds is behind
    CLOCK_JUMP = "clock jump"  # target: a worker; strength: seconds
    KICK = "kick"  # target: a guild; strength > 0.5: the answer to what the worker makes of it is lost in an outage
    MOVE = "move"  # target: a guild
    REFUSE = "join refused"  # target: a guild
    GATEWAY_LOSS = "gateway loss"  # target: a shard; strength > 0.5: the session cannot be resumed; > 0.8: all shards
    VOICE_LOSS = "voice loss"  # target: a guild; its voice connection is gone for ``seconds``
    REPLIES_DOWN = "replies down"  # Discord's REST API does not answer
    UNHEARD = "player unheard"  # target: a guild; from now on, what its worker sends there goes nowhere
    TRACK_FAILS = "track fails"  # target: a guild; what plays there breaks off
    PREPARED_FAILS = "prepared track fails"  # target: a guild; what is opened there before its turn; see OUTLASTS
    PREPARED_ENDS = "prepared track ends"  # the same; it ends without a frame
    PREPARED_HANGS = "prepared track hangs"  # the same; it neither gives a frame nor fails, for as long as it is let
    DECODER_CRASH = "track crashes its decoder"  # target: a guild; strength > 0.5: always, else once
    WORKER_KILLER = "track kills its worker"  # target: a guild; what plays there kills whichever worker opens it

    NETWORK_AWAY = "network away"  # target: a worker, which reaches neither Discord nor sources; these, for longer by
    # up to SOURCES_LATER seconds, by strength
    CHILD_DIES = "media child dies"  # target: a worker, whose streams it decodes; strength > 0.5: it crashes, idle
    CHILD_HANGS = "media child hangs"  # target: a worker; the child stands still until it is ended


TO_EVERYONE = -1
OUTLASTS = 0.5
"""From this strength on, what is wrong with a prepared track is wrong with it in its turn, too, while the fault lasts.
"""
SOURCES_LATER = 20.0
STORE_FAULTS = (Kind.STORE_DOWN, Kind.STORE_LOSSY, Kind.THROTTLED, Kind.SLOW)


@dataclass(frozen=True)
class Fault:
    at: float
    kind: Kind
    seconds: float = 0.0
    target: int = 0
    strength: float = 0.0

    @property
    def until(self) -> float:
        return self.at + self.seconds


class Rank(Enum):
    """What a member is in the guild."""

    MEMBER = "member"
    DJ = "has the role of the DJs"
    MANAGER = "may manage the server"


DJS = "7"
"""The role of the DJs."""
EVERYONE = "everyone"
"""The role that every member has."""


@dataclass(frozen=True)
class Command:
    """One member's command. ``again_after``: seconds until Discord delivers it a second time; ``cut_after``: seconds
    after which the front door's process dies."""

    number: int
    at: float
    guild: int
    name: str
    position: int = 1
    """What it names by position; how many tracks, for a list."""
    to: int = 1
    """Where to, for a move."""
    channel: int = 0
    """Which of the guild's voice channels the member is in."""
    value: str = ""
    """What it sets a setting to, as the member writes it; without one it asks."""
    rank: Rank = Rank.MEMBER
    again_after: float | None = None
    cut_after: float | None = None


class Track(Enum):
    """What is at a link."""

    SHORT = "short"
    LONG = "long"
    SLOW = "slow to look at"
    BROKEN = "breaks off"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Plan:
    seed: int
    guilds: int
    workers: int
    quiet_at: float
    """When the last fault is over."""
    commands: tuple[Command, ...]
    faults: tuple[Fault, ...]
    change_limit: int = CHANGE_LIMIT
    """How much is written in one transaction: where it is little, short queues are written beside, too."""

    @property
    def ends_at(self) -> float:
        return self.quiet_at + CALM_SECONDS


def plan_of(seed: int, kinds: tuple[Kind, ...] = tuple(Kind)) -> Plan:
    """The plan of a seed. Every fourth one has at most one fault, so that what must be quick can be seen to be.

    ``kinds`` are the faults that the others draw from.
    """
    random = Random(f"plan {seed}")
    guilds = random.choice((2, 3, 3, 4))
    workers = random.choice((1, 2, 2, 3))
    active = random.uniform(25.0, 60.0)
    commands = _commands(random, guilds, FIRST_COMMAND_AT + active)
    faults = _single(random, active) if seed % 4 == 0 else _storm(random, active, kinds)
    quiet_at = max([fault.until for fault in faults] + [FIRST_COMMAND_AT + active])
    return Plan(seed, guilds, workers, quiet_at, commands, faults, random.choice((CHANGE_LIMIT, _LITTLE)))


_LITTLE = 4
_WEIGHTS = {
    "play": 9,
    "play next": 2.5,
    "play all": 3,
    "skip": 3.5,
    "skip to": 1.2,
    "previous": 2,
    "pause": 1.5,
    "resume": 2.5,
    "stop": 0.7,
    "loop off": 1,
    "loop track": 0.7,
    "loop queue": 1,
    "remove": 2,
    "move": 2,
    "shuffle": 2,
    "clear": 0.7,
    "undo": 2,
    "queue": 1.5,
    "nowplaying": 0.7,
    "volume": 1,
    "speed": 0.7,
    "filter": 0.7,
    "settings loudness": 0.4,
    "settings leave_after": 0.4,
    "settings dj": 0.9,
}


COMMANDS = tuple(_WEIGHTS)
"""What members use."""
_VALUES = {
    "volume": ("", "0", "25", "50", "100", "150", "200", "201", "loud"),
    "speed": ("", "50", "80", "100", "125", "200", "49", "201", "-5"),
    "filter": ("", "none", "none", "bass", "nightcore", "slowed", "echo"),
    "settings loudness": ("", "off", "-23", "-16", "-8", "-7", "loud"),
    "settings leave_after": ("", "0", "1", "5", "1440", "1441", "soon"),
    "settings dj": ("", DJS, DJS, EVERYONE, "@djs"),
}
"""What members write. The services refuse some of it."""
_RANKS = {Rank.MEMBER: 2, Rank.DJ: 4, Rank.MANAGER: 4}
_BELONG_TOGETHER = (
    ("clear", "stop", "undo", "previous", "shuffle"),
    ("remove", "clear", "undo"),
    ("loop queue", "skip", "previous", "shuffle", "undo"),
    ("loop track", "pause", "resume", "skip"),
    ("volume", "speed", "filter", "settings loudness", "settings leave_after"),
)
"""Commands that undo, repeat, reorder or lie beside what the others did."""


def _commands(random: Random, guilds: int, until: float) -> tuple[Command, ...]:
    commands = []
    for guild in range(guilds):
        at = FIRST_COMMAND_AT + random.uniform(0, 3)
        weights = _habits(random)
        often = 6.0 if weights is _WEIGHTS else 2.5
        name = random.choice(("play", "play", "play all"))
        while at < until:
            # Members who press at one moment are what races are made of.
            together = random.choice((1, 1, 1, 2, 3)) if "play" not in name else random.choice((1, 1, 2))
            for _ in range(together):
                commands.append((at + random.uniform(0, 0.06), guild, name))
                name = name if random.random() < 0.7 else _name(random, weights)
            at += random.expovariate(1 / often)
            name = _name(random, weights)
    return tuple(
        Command(
            number,
            at,
            guild,
            name,
            position=random.choice((2, 3, 5, 8)) if name == "play all" else random.choice((1, 1, 1, 2, 2, 3, 5)),
            to=random.choice((1, 1, 2, 2, 3, 5)),
            channel=1 if random.random() < 0.07 else 0,
            value=random.choice(_VALUES.get(name, ("",))),
            rank=random.choices(tuple(_RANKS), tuple(_RANKS.values()))[0],
            again_after=random.choice((0.001, 0.02, 0.3, 1.5)) if random.random() < 0.12 else None,
            cut_after=random.uniform(0, 0.15) if random.random() < 0.03 else None,
        )
        for number, (at, guild, name) in enumerate(sorted(commands))
    )


def _habits(random: Random) -> dict[str, float]:
    """How often a guild's members use what. Every third guild uses only a few commands, and these all the more: what
    lies deep in a few is met sooner so. Source: A. Groce et al., "Swarm Testing" (2012)."""
    if random.random() < 2 / 3:
        return _WEIGHTS
    few = random.choice(_BELONG_TOGETHER + (tuple(random.sample(tuple(_WEIGHTS), 4)),) * 2)
    return {"play": 1.0, "play all": 1.0} | dict.fromkeys(few, 3.0)


def _name(random: Random, weights: dict[str, float]) -> str:
    return random.choices(tuple(weights), tuple(weights.values()))[0]


_SECONDS = {
    Kind.CRASH: (1.0, 15.0),
    Kind.PAUSE: (0.5, 20.0),
    Kind.DRAIN: (1.0, 15.0),
    Kind.STORE_DOWN: (0.5, 15.0),
    Kind.STORE_LOSSY: (1.0, 10.0),
    Kind.THROTTLED: (1.0, 10.0),
    Kind.SLOW: (1.0, 8.0),
    Kind.NUDGES_LOST: (1.0, 15.0),
    Kind.NUDGES_LATE: (1.0, 15.0),
    Kind.NUDGES_DOUBLED: (1.0, 15.0),
    Kind.INDEX_LAG: (5.0, 20.0),
    Kind.KICK: (1.0, 8.0),
    Kind.REFUSE: (1.0, 5.0),
    Kind.GATEWAY_LOSS: (0.5, 3.0),
    Kind.VOICE_LOSS: (0.5, 3.0),
    Kind.REPLIES_DOWN: (1.0, 10.0),
    Kind.NETWORK_AWAY: (3.0, 60.0),
    Kind.PREPARED_FAILS: (3.0, 15.0),
    Kind.PREPARED_ENDS: (3.0, 15.0),
    Kind.PREPARED_HANGS: (3.0, 15.0),
    # Four deaths, and the lease after each; then a trial for every guild that died with it.
    Kind.WORKER_KILLER: (100.0, 110.0),
}


def _fault(random: Random, at: float, kind: Kind) -> Fault:
    strength = random.random()
    if kind is Kind.CLOCK_JUMP:
        # Set back by up to a minute, a worker waits as long for its next identify: longer than the calm at the end.
        strength = random.choice((-1, 1)) * random.choice((0.5, 3.0, 8.0, 90.0, 3600.0))
    elif kind is Kind.INDEX_LAG:
        strength = random.uniform(0.5, 6.0)
    elif kind in (Kind.STORE_LOSSY, Kind.THROTTLED, Kind.SLOW):
        strength = random.choice((0.1, 0.3, 0.6))
    target = TO_EVERYONE if kind is Kind.STORE_DOWN and random.random() < 0.4 else random.randrange(12)
    return Fault(at, kind, random.uniform(*_SECONDS.get(kind, (0.0, 0.0))), target, strength)


_ALONE = (
    *(None, Kind.CRASH, Kind.CRASH, Kind.DRAIN, Kind.DRAIN, Kind.PAUSE, Kind.MOVE, Kind.DEPLOY),
    *(Kind.DECODER_CRASH, Kind.WORKER_KILLER, Kind.CHILD_DIES, Kind.CHILD_HANGS),
)


def _single(random: Random, active: float) -> tuple[Fault, ...]:
    kind = random.choice(_ALONE)
    at = FIRST_COMMAND_AT + random.uniform(0.2, 0.8) * active
    return () if kind is None else (_fault(random, at, kind),)


def _storm(random: Random, active: float, kinds: tuple[Kind, ...]) -> tuple[Fault, ...]:
    faults = []
    for _ in range(random.choice((1, 2, 3, 4, 6, 8))):
        at = random.uniform(1.0, FIRST_COMMAND_AT + active)
        faults.append(_fault(random, at, random.choice(kinds)))
        if faults[-1].kind is Kind.PAUSE and random.random() < 0.3:
            # It wakes up, and cannot ask whether it still owns anything.
            faults.append(Fault(faults[-1].until - 0.01, Kind.STORE_DOWN, random.uniform(3, 8), faults[-1].target))
    return tuple(sorted(faults, key=lambda fault: fault.at))
